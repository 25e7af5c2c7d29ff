"""Group Policy objects: the half in the directory together with the half in SYSVOL."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from directory.grouppolicy.firewall import FirewallPolicy, read_firewall
from directory.grouppolicy.hardening import SECURITY_TEMPLATE, UNREADABLE, read_hardening
from directory.grouppolicy.registry_pol import MalformedRegistryPolicy, parse_registry_policy
from directory.grouppolicy.remote_assistance import RemoteAssistancePolicy, read_remote_assistance
from directory.grouppolicy.security_template import PATH as SECURITY_TEMPLATE_PATH
from directory.grouppolicy.security_template import (
    SECURITY_EXTENSION,
    MalformedSecurityTemplate,
    parse_security_template,
)
from directory.grouppolicy.sysvol import SysvolUnavailable, policy_path
from directory.ldap.entries import Entry
from directory.ldap.security_descriptor import is_security_filtered
from directory.ldap.values import MalformedValue, unsigned
from directory.synchronisation.rows import (
    Row,
    Surroundings,
    as_json,
    as_object,
    as_text,
    int32,
    required_text,
)

# GPT.INI, [MS-GPOL] 2.2.4: the version that the files are of, in a decimal number.
VERSION_LINE = re.compile(rb"^\s*Version\s*=\s*(\d{1,10})\s*$", re.IGNORECASE | re.MULTILINE)

FUNCTIONALITY = "gPCFunctionalityVersion"
# The client-side extension of registry settings, [MS-GPREG] 1.9.
REGISTRY_EXTENSION = "{35378EAC-683F-11D2-A89A-00C04FBBCFA2}"

POLICY_COLUMNS = (
    "domain_id",
    "policy_guid",
    "display_name",
    "version",
    "file_version",
    "flags",
    "functionality_version",
    "has_registry_extension",
    "file_system_path",
    "changed_at",
    "offers_allowed",
    "offers_removed",
    "control_allowed",
    "control_removed",
    "replaces_helpers",
    "has_soft_values",
    "removed_helpers",
    "listed_helpers",
    "other_settings",
    "firewall",
    "wmi_filter_id",
    "is_security_filtered",
    "security_descriptor",
    "read_error",
)
FILE_COLUMNS: Mapping[str, Callable[[Any], str] | None] = {
    "file_version": None,
    "offers_allowed": None,
    "offers_removed": None,
    "control_allowed": None,
    "control_removed": None,
    "replaces_helpers": None,
    "has_soft_values": None,
    "removed_helpers": as_json,
    "listed_helpers": as_json,
    "other_settings": as_object,
    "firewall": as_object,
    "read_error": None,
}  # what the files say, and how it is written


class SysvolFiles(Protocol):
    """What is asked of SYSVOL."""

    def read(self, path: str) -> bytes | None:
        """A file's content; None when there is none."""


@dataclass(frozen=True)
class PolicyFiles:
    """What a policy's files say; ``problem`` tells why they could not be read."""

    remote_assistance: RemoteAssistancePolicy
    firewall: FirewallPolicy
    version: int | None
    problem: str
    hardening: Mapping[str, int | str | None] = field(default_factory=dict)


def read_policy_files(
    entry: Entry, open_sysvol: Callable[[], SysvolFiles], domain: str
) -> PolicyFiles:
    """The machine half's Registry.pol and GptTmpl.inf, and the version in GPT.INI.

    Args:
        entry: The policy's object in the directory.
        open_sysvol: SYSVOL of a domain controller, opened when it is first needed.
        domain: DNS name of the policy's domain.
    """
    remote_assistance, firewall = RemoteAssistancePolicy(), FirewallPolicy()
    version: int | None = None
    try:
        folder = policy_path(entry.text("gPCFileSysPath"), domain)
        sysvol = open_sysvol()
        information = sysvol.read(rf"{folder}\GPT.INI")
        raw = sysvol.read(rf"{folder}\Machine\Registry.pol")
        if information is None and raw is None:
            raise SysvolUnavailable("Its folder in SYSVOL is missing or closed to the portal.")
        if information is None:
            raise SysvolUnavailable("Its GPT.INI is missing or closed to the portal.")
        found = VERSION_LINE.search(information or b"")
        version = int(found[1]) if found else None
        settings = parse_registry_policy(raw) if raw is not None else ()
        remote_assistance, firewall = read_remote_assistance(settings), read_firewall(settings)
        hardening = read_hardening(settings)
        if SECURITY_EXTENSION in entry.text("gPCMachineExtensionNames").upper():
            hardening |= _security_options(sysvol, folder)
    except (SysvolUnavailable, MalformedRegistryPolicy, MalformedValue) as error:
        return PolicyFiles(RemoteAssistancePolicy(), FirewallPolicy(), version, error.sentence)
    return PolicyFiles(remote_assistance, firewall, version, "", hardening)


def _security_options(sysvol: SysvolFiles, folder: str) -> dict[str, int | str | None]:
    """What GptTmpl.inf hardens. Unreadable, it leaves the rest of the policy as it is."""
    try:
        raw = sysvol.read(rf"{folder}\{SECURITY_TEMPLATE_PATH}")
        return read_hardening(parse_security_template(raw)) if raw is not None else {}
    except (SysvolUnavailable, MalformedSecurityTemplate):
        return {SECURITY_TEMPLATE: UNREADABLE}


def policy_row(entry: Entry, files: PolicyFiles, around: Surroundings) -> Row:
    settings = files.remote_assistance
    name = required_text(entry, "cn", 255)
    descriptor = entry.first("nTSecurityDescriptor")
    return (
        around.domain_guid,
        policy_guid(name).hex,
        (entry.text("displayName") or name)[:255],
        unsigned(entry.integer("versionNumber")),
        files.version,
        int32(entry, "flags"),
        int32(entry, FUNCTIONALITY) if entry.text(FUNCTIONALITY) else None,
        has_registry_extension(entry.text("gPCMachineExtensionNames")),
        entry.text("gPCFileSysPath"),
        as_text(entry.time("whenChanged")),
        settings.offers_allowed,
        settings.offers_removed,
        settings.control_allowed,
        settings.control_removed,
        settings.replaces_helpers,
        settings.has_soft_values,
        as_json(settings.removed_helpers),
        as_json([helper.name, helper.data] for helper in settings.helpers),
        as_object({**settings.other, **files.hardening}),
        as_object(files.firewall.to_json()),
        _wmi_filter_id(entry.text("gPCWQLFilter")),
        _is_filtered(descriptor),
        bytes(descriptor) if descriptor is not None else None,
        files.problem,
    )


def policy_row_with_known_files(
    entry: Entry, known: Mapping[str, Any], around: Surroundings
) -> Row:
    """A policy whose files were read before and cannot be read now; its object is what it is now.

    Args:
        entry: The policy's object.
        known: What the picture has of ``FILE_COLUMNS``.
        around: The domain.
    """
    nothing = PolicyFiles(RemoteAssistancePolicy(), FirewallPolicy(), None, "")
    row = dict(zip(POLICY_COLUMNS, policy_row(entry, nothing, around), strict=True))
    for column, written in FILE_COLUMNS.items():
        row[column] = written(known[column]) if written else known[column]
    return tuple(row.values())


def has_registry_extension(extensions: str) -> bool:
    """Whether computers hand a policy to the extension that reads Registry.pol.

    Args:
        extensions: gPCMachineExtensionNames, ``[{extension}{tool}{tool}][{extension}...]``
            ([MS-GPOL] 2.2.4).
    """
    return any(
        group.strip().upper().startswith(REGISTRY_EXTENSION) for group in extensions.split("[")
    )


def policy_guid(name: str) -> uuid.UUID:
    """The GUID that is a policy's name, ``{31B2F340-016D-11D2-945F-00C04FB984F9}``.

    Raises:
        MalformedValue: The name is none.
    """
    try:
        return uuid.UUID(name.strip("{}"))
    except ValueError as error:
        raise MalformedValue(f"The Group Policy object {name!r} has no GUID for a name.") from error


def _is_filtered(descriptor: bytes | None) -> bool | None:
    if descriptor is None:
        return None
    try:
        return is_security_filtered(descriptor)
    except MalformedValue:
        return None


def _wmi_filter_id(value: str) -> str:
    """The id of the linked WMI filter: ``[r2.local;{GUID};0]`` ([MS-GPOL] 2.2.4)."""
    fields = value.strip().strip("[]").split(";")
    return (fields[1] if len(fields) > 1 else value.strip())[:255]
