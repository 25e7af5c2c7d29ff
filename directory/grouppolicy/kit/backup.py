"""A Group Policy object as files: the backup that GPMC imports, and its folder in SYSVOL.

The form of a backup is that of published ones (Security Compliance Toolkit); it is not specified
anywhere. They hold no GPT.INI: its number is ``MachineVersionNumber`` in Backup.xml.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from directory.grouppolicy.kit.values import RULES
from directory.grouppolicy.registry_pol import RegistryPolicyEntry

MANIFEST = "http://www.microsoft.com/GroupPolicy/GPOOperations/Manifest"
OPERATIONS = "http://www.microsoft.com/GroupPolicy/GPOOperations"
REGISTRY_EXTENSION = "{35378EAC-683F-11D2-A89A-00C04FBBCFA2}"  # [MS-GPREG] 1.9
# The tools that show the values: administrative templates, and the firewall's ([MS-GPFAS] 1.9).
TEMPLATES = "{0F6B957D-509E-11D1-A7CC-0000F87571E3}"
FIREWALL = "{B05566AC-FE9C-4368-BE01-7A4CBB6CBA11}"
# The half of the user counts in the upper 16 bits ([MS-GPOL] 3.3.5.4); it is empty.
VERSION = 1
# Backups count in SYSVOL above the 16 bits that count in the directory.
BACKUP_VERSION = VERSION << 16 | VERSION


def machine_extensions(entries: Iterable[RegistryPolicyEntry]) -> str:
    """The policy's gPCMachineExtensionNames: who carries it out, and which tools show it.

    Args:
        entries: The policy's values.
    """
    tools = {FIREWALL if entry.key == RULES else TEMPLATES for entry in entries}
    return f"[{REGISTRY_EXTENSION}{''.join(sorted(tools))}]"  # in order, as in backups


def sysvol_files(registry_policy: bytes) -> dict[str, bytes]:
    """What the policy's folder in SYSVOL holds: [MS-GPOL] 3.3.5.4.

    Args:
        registry_policy: Registry.pol of the computer half.
    """
    return {
        "GPT.INI": f"[General]\r\nVersion={VERSION}\r\n".encode("ascii"),
        "Machine/Registry.pol": registry_policy,
    }


def backup_files(
    name: str,
    registry_policy: bytes,
    *,
    extensions: str,
    backup_id: uuid.UUID,
    now: datetime,
) -> dict[str, bytes]:
    """The files of a folder of backups that holds one.

    Args:
        name: Of the policy.
        registry_policy: Its Registry.pol of the computer half.
        extensions: See :func:`machine_extensions`.
        backup_id: Of the backup; the policy that it is said to be of is derived from it.
        now: An aware time.
    """
    policy = uuid.uuid5(backup_id, name)
    instance = _instance(name, _braced(policy), _braced(backup_id), now)
    folder = _braced(backup_id)
    return {
        "manifest.xml": _xml(
            f'<Backups xmlns="{MANIFEST}" xmlns:mfst="{MANIFEST}" mfst:version="1.0">'
            f"<BackupInst>{instance}</BackupInst></Backups>"
        ),
        f"{folder}/bkupInfo.xml": _xml(f'<BackupInst xmlns="{MANIFEST}">{instance}</BackupInst>'),
        f"{folder}/Backup.xml": _xml(_scheme(name, _braced(policy), extensions)),
        f"{folder}/DomainSysvol/GPO/Machine/registry.pol": registry_policy,
    }


def _instance(name: str, policy: str, backup: str, now: datetime) -> str:
    return (
        f"<GPOGuid>{policy}</GPOGuid><GPODomain/><GPODomainGuid/><GPODomainController/>"
        f"<BackupTime>{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}</BackupTime><ID>{backup}</ID>"
        f"<Comment/><GPODisplayName>{escape(name)}</GPODisplayName>"
    )


def _scheme(name: str, policy: str, extensions: str) -> str:
    settings = (
        f"<ID>{policy}</ID><Domain/><SecurityDescriptor/>"
        f"<DisplayName>{escape(name)}</DisplayName><Options>0</Options>"
        "<UserVersionNumber>0</UserVersionNumber>"
        f"<MachineVersionNumber>{BACKUP_VERSION}</MachineVersionNumber>"
        f"<MachineExtensionGuids>{extensions}</MachineExtensionGuids><UserExtensionGuids/>"
        "<WMIFilter/>"
    )
    file = (
        r'<FSObjectFile bkp:Path="%GPO_MACH_FSPATH%\registry.pol" '
        r'bkp:Location="DomainSysvol\GPO\Machine\registry.pol"/>'
    )
    return (
        f'<GroupPolicyBackupScheme bkp:version="2.0" bkp:type="GroupPolicyBackupTemplate" '
        f'xmlns:bkp="{OPERATIONS}" xmlns="{OPERATIONS}"><GroupPolicyObject><SecurityGroups/>'
        f"<FilePaths/><GroupPolicyCoreSettings>{settings}</GroupPolicyCoreSettings>"
        f'<GroupPolicyExtension bkp:ID="{REGISTRY_EXTENSION}" bkp:DescName="Registry">{file}'
        "</GroupPolicyExtension></GroupPolicyObject></GroupPolicyBackupScheme>"
    )


def _xml(text: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>{text}\r\n'.encode()


def _braced(guid: uuid.UUID) -> str:
    return f"{{{str(guid).upper()}}}"
