"""Group Policy objects with what their files say, and their links."""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from directory.grouppolicy.registry_pol import parse_registry_policy
from directory.grouppolicy.remote_assistance import read_remote_assistance
from directory.ldap.security_descriptor import is_security_filtered
from directory.models import GroupPolicy, GroupPolicyLink
from directory.synchronisation.helper_entries import store_helper_entries
from tests.eligibility.building.directory import NOW, Directory
from tests.eligibility.descriptors import policy_descriptor
from tests.eligibility.vocabulary import LinkLine, PolicyLine, UnreadableCase

TERMINAL_SERVICES = r"Software\policies\Microsoft\Windows NT\Terminal Services"
HELPERS = TERMINAL_SERVICES + r"\RAUnsolicit"
OFFERS, CONTROL = "fAllowUnsolicited", "fAllowUnsolicitedFullControl"
REG_SZ, REG_DWORD = 1, 4
COMPUTER_HALF_DISABLED, ALL_DISABLED = 2, 3  # flags of a groupPolicyContainer, [MS-GPOL] 2.2.4

Entry = tuple[str, str, int, bytes]
# What a container names that no policy belongs to.
UNSEEN = {
    "a policy that is not there": "CN={31B2F340-016D-11D2-945F-00C04FB984F9},CN=Policies,"
    "CN=System,DC=r2,DC=local",
    "links that are malformed": "[LDAP://nonsense",
}
SID_OF = re.compile("<SID of (.+)>")

# What the clauses of a policy write into Registry.pol, as RemoteAssistance.admx has it.
CLAUSES: dict[str, tuple[tuple[str, str, int | str], ...]] = {
    "offers with control": ((TERMINAL_SERVICES, OFFERS, 1), (TERMINAL_SERVICES, CONTROL, 1)),
    "offers to view": ((TERMINAL_SERVICES, OFFERS, 1), (TERMINAL_SERVICES, CONTROL, 0)),
    "offers disabled": (
        (TERMINAL_SERVICES, OFFERS, 0),
        (TERMINAL_SERVICES, f"**del.{CONTROL}", " "),
        (HELPERS, "**delvals.", " "),
    ),
    "says nothing": (),
    "allows offers and is silent on control": ((TERMINAL_SERVICES, OFFERS, 1),),
    "allows control and is silent on offers": ((TERMINAL_SERVICES, CONTROL, 1),),
    "allows view only and is silent on offers": ((TERMINAL_SERVICES, CONTROL, 0),),
    "removes the setting on offers": ((TERMINAL_SERVICES, f"**del.{OFFERS}", " "),),
    "removes the setting on control": ((TERMINAL_SERVICES, f"**del.{CONTROL}", " "),),
    "allows offers if nothing is set": ((TERMINAL_SERVICES, f"**soft.{OFFERS}", 1),),
    "forbids offers if nothing is set": ((TERMINAL_SERVICES, f"**soft.{OFFERS}", 0),),
    "sets offers to the number 2": ((TERMINAL_SERVICES, OFFERS, 2),),
    "sets offers to the text 1": ((TERMINAL_SERVICES, OFFERS, "1"),),
    "solicited disabled": ((TERMINAL_SERVICES, "fAllowToGetHelp", 0),),
    "only Vista or later": ((TERMINAL_SERVICES, "CreateEncryptedOnlyTickets", 1),),
}
WORDS = (
    *("helpers", "removes helper", "named otherwise", "applies to", "denied to"),
    *("read only for", "apply only for"),
    *("WMI filter", "version", "changed", "in", "unreadable", "of functionality version"),
)
STATES = (
    *("adds to the list", "empty list", "computer half disabled", "all settings disabled"),
    *("user half disabled", "permissions unreadable", "gone", "applies to nobody"),
    "without the registry extension",
)


def add_policies(directory: Directory) -> None:
    policies = {
        line.name: _add_policy(directory, line, number)
        for number, line in enumerate(directory.case.policies)
    }
    for line in directory.case.links:
        _add_links(directory, line, policies)
    store_helper_entries()


def _add_policy(directory: Directory, line: PolicyLine, number: int) -> GroupPolicy:
    _require_known_clauses(line)
    home = directory.domain_of(line.after("in") or directory.case.computer.domain)
    said = read_remote_assistance(parse_registry_policy(_registry_pol(directory, line)))
    if line.after("unreadable"):
        said = read_remote_assistance(())
    descriptor = _descriptor(directory, line)
    versions = re.fullmatch(r"(\d+) in the directory, (\d+) in SYSVOL", line.after("version") or "")
    columns: dict[str, Any] = {
        "offers_allowed": said.offers_allowed,
        "offers_removed": said.offers_removed,
        "control_allowed": said.control_allowed,
        "control_removed": said.control_removed,
        "replaces_helpers": said.replaces_helpers,
        "has_soft_values": said.has_soft_values,
        "removed_helpers": list(said.removed_helpers),
        "listed_helpers": [[helper.name, helper.data] for helper in said.helpers],
        "other_settings": said.other,
        "security_descriptor": descriptor,
        "is_security_filtered": None if descriptor is None else is_security_filtered(descriptor),
    }
    return GroupPolicy.objects.create(
        guid=uuid.uuid4(),
        policy_guid=uuid.uuid4(),
        distinguished_name=f"CN={{{number}}},CN=Policies,CN=System,{home.distinguished_name}",
        domain=home,
        display_name=line.name,
        is_present=not line.has("gone"),
        version=int(versions[1]) if versions else 1,
        file_version=int(versions[2]) if versions else 1,
        flags=_flags(line),
        functionality_version=int(line.after("of functionality version") or 2),
        has_registry_extension=not line.has("without the registry extension"),
        changed_at=NOW - _age(line),
        read_error=line.after("unreadable") or "",
        wmi_filter=line.after("WMI filter") or "",
        wmi_filter_id="{0F0F}" if line.after("WMI filter") else "",
        **columns,
    )


def _require_known_clauses(line: PolicyLine) -> None:
    for clause in line.clauses:
        is_known = clause in CLAUSES or clause in STATES
        if not is_known and not any(clause.startswith(f"{word} ") for word in WORDS):
            raise UnreadableCase(f"{clause!r} is not said of a policy.")


def _flags(line: PolicyLine) -> int:
    if line.has("all settings disabled"):
        return ALL_DISABLED
    if line.has("computer half disabled"):
        return COMPUTER_HALF_DISABLED
    return 1 if line.has("user half disabled") else 0


def _age(line: PolicyLine) -> timedelta:
    """``changed 10 minutes ago``; a month where the case does not say."""
    found = re.fullmatch(r"(\d+) minutes ago", line.after("changed") or "")
    return timedelta(minutes=int(found[1])) if found else timedelta(days=30)


def _descriptor(directory: Directory, line: PolicyLine) -> bytes | None:
    if line.has("permissions unreadable"):
        return None
    filtered = line.names_after("applies to") or ("Authenticated Users",)
    if line.has("applies to nobody"):
        filtered = ()
    names = {
        "readers": filtered + line.names_after("read only for"),
        "appliers": filtered + line.names_after("apply only for"),
        "denied": line.names_after("denied to"),
    }
    return policy_descriptor(
        administrators=directory.sid_of(rf"{directory.home.netbios_name}\Domain Admins"),
        **{who: [directory.sid_of(name) for name in found] for who, found in names.items()},
    )


def _registry_pol(directory: Directory, line: PolicyLine) -> bytes:
    """The file as the editor writes it: settings, ``**delvals.`` below the list, its lines."""
    body = b"".join(_packed(entry) for entry in _entries(directory, line))
    return b"PReg" + struct.pack("<I", 1) + body


def _entries(directory: Directory, line: PolicyLine) -> Iterator[Entry]:
    for clause in line.clauses:
        for key, name, data in CLAUSES.get(clause, ()):
            yield _entry(key, name, data)
    helpers = line.names_after("helpers")
    if (helpers or line.has("empty list")) and not line.has("adds to the list"):
        yield _entry(HELPERS, "**delvals.", " ")
    for name in line.names_after("removes helper"):
        yield _entry(HELPERS, f"**del.{name}", " ")
    if helpers and "the portal's account is not listed" not in directory.case.portal:
        helpers += (str(directory.caller),)
    for helper in helpers:
        text = SID_OF.sub(lambda found: directory.sid_of(found[1]), helper)
        yield _entry(HELPERS, text, text)
    for pair in line.names_after("named otherwise"):  # a value's name and its data differ
        name, _, data = pair.partition(" = ")
        yield _entry(HELPERS, name, data)


def _entry(key: str, name: str, data: int | str) -> Entry:
    if isinstance(data, int):
        return key, name, REG_DWORD, struct.pack("<I", data)
    return key, name, REG_SZ, f"{data}\0".encode("utf-16-le")


def _packed(entry: Entry) -> bytes:
    """``[key;value;type;size;data]`` in UTF-16, [MS-GPREG] 2.2.1."""
    key, name, kind, data = entry
    fields = (f"{key}\0".encode("utf-16-le"), f"{name}\0".encode("utf-16-le"))
    numbers = (struct.pack("<I", kind), struct.pack("<I", len(data)))
    semicolon = ";".encode("utf-16-le")
    body = semicolon.join((*fields, *numbers, data))
    return "[".encode("utf-16-le") + body + "]".encode("utf-16-le")


def _add_links(directory: Directory, line: LinkLine, policies: dict[str, GroupPolicy]) -> None:
    place: dict[str, Any] = {"domain": directory.home}
    if line.container.startswith("site "):
        place["site"] = directory.sites[line.container.removeprefix("site ")]
    elif line.container in directory.lines:
        place["domain"] = directory.domain_of(line.container)
    else:
        place["ou"] = directory.units[line.container]
    for order, (name, options) in enumerate(line.links, start=1):
        if unknown := set(options) - {"enforced", "disabled"}:
            raise UnreadableCase(f"{unknown} is not said of a link.")
        policy = None if name in UNSEEN else policies[name]
        GroupPolicyLink.objects.create(
            policy=policy,
            policy_distinguished_name=policy.distinguished_name if policy else UNSEEN[name],
            order=order,
            is_enforced="enforced" in options,
            is_disabled="disabled" in options,
            **place,
        )
