"""A backup of a Group Policy object, as the Group Policy Management Console imports settings from.

The form is that of backups that Microsoft publishes (Security Compliance Toolkit); it is not
specified anywhere.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from xml.sax.saxutils import escape

MANIFEST = "http://www.microsoft.com/GroupPolicy/GPOOperations/Manifest"
OPERATIONS = "http://www.microsoft.com/GroupPolicy/GPOOperations"
REGISTRY_EXTENSION = "{35378EAC-683F-11D2-A89A-00C04FBBCFA2}"  # [MS-GPREG] 1.9
# The tools that show the values: administrative templates, and the firewall's ([MS-GPFAS] 1.9).
TEMPLATES = "{0F6B957D-509E-11D1-A7CC-0000F87571E3}"
FIREWALL = "{B05566AC-FE9C-4368-BE01-7A4CBB6CBA11}"
EXTENSIONS = f"[{REGISTRY_EXTENSION}{TEMPLATES}{FIREWALL}]"
MACHINE_VERSION = 1


def backup_files(
    name: str, registry_policy: bytes, *, backup_id: uuid.UUID, now: datetime
) -> dict[str, bytes]:
    """The files of a folder of backups that holds one.

    Args:
        name: Of the policy.
        registry_policy: Its Registry.pol of the computer half.
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
        f"{folder}/Backup.xml": _xml(_scheme(name, _braced(policy))),
        f"{folder}/DomainSysvol/GPO/Machine/registry.pol": registry_policy,
    }


def _instance(name: str, policy: str, backup: str, now: datetime) -> str:
    return (
        f"<GPOGuid>{policy}</GPOGuid><GPODomain/><GPODomainGuid/><GPODomainController/>"
        f"<BackupTime>{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}</BackupTime><ID>{backup}</ID>"
        f"<Comment/><GPODisplayName>{escape(name)}</GPODisplayName>"
    )


def _scheme(name: str, policy: str) -> str:
    settings = (
        f"<ID>{policy}</ID><Domain/><SecurityDescriptor/>"
        f"<DisplayName>{escape(name)}</DisplayName><Options>0</Options>"
        f"<UserVersionNumber>0</UserVersionNumber>"
        f"<MachineVersionNumber>{MACHINE_VERSION}</MachineVersionNumber>"
        f"<MachineExtensionGuids>{EXTENSIONS}</MachineExtensionGuids><UserExtensionGuids/>"
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
