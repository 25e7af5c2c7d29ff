"""People, groups, the computer, and who is a member of what."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from directory.ldap.security_descriptor import authentication_entries
from directory.models import (
    Account,
    Computer,
    ForeignSecurityPrincipal,
    Group,
    Membership,
)
from directory.models.dns import DnsAddress, DnsNode
from tests.eligibility.building.directory import (
    EXPERTS,
    NOW,
    Directory,
    folded,
    principal,
)
from tests.eligibility.descriptors import computer_descriptor
from tests.eligibility.vocabulary import GroupLine, Name, PersonLine, UnreadableCase

SCOPES = {
    "global": Group.Scope.GLOBAL,
    "universal": Group.Scope.UNIVERSAL,
    "domain local": Group.Scope.DOMAIN_LOCAL,
    "builtin": Group.Scope.BUILTIN_LOCAL,
}
DEFAULT_GROUPS = ("Domain Users", "Domain Computers", "Domain Admins", EXPERTS)
NORMAL_ACCOUNT, ACCOUNT_DISABLED = 0x200, 0x2
STATES: dict[str, dict[str, Any]] = {
    "disabled": {"is_enabled": False, "user_account_control": NORMAL_ACCOUNT | ACCOUNT_DISABLED},
    "expired": {"expires_at": NOW - timedelta(days=1)},
    "expires tomorrow": {"expires_at": NOW + timedelta(days=1)},
    "locked": {"locked_at": NOW - timedelta(minutes=1)},
    "gone": {"is_present": False},
}


def add_principals(directory: Directory) -> None:
    for netbios_name in directory.domains:
        for group_name in DEFAULT_GROUPS:
            name = Name(netbios_name, group_name)
            _add_group(directory, GroupLine(name, "global", True, (), ()))
    for group in directory.case.groups:
        _add_group(directory, group)
    for person in directory.case.people:
        _add_person(directory, person)
    for mentioned in _people_mentioned(directory):
        if str(mentioned) not in directory.accounts:
            _add_person(directory, PersonLine(mentioned, ()))
    _add_computer(directory)
    for group in directory.case.groups:
        for member in group.members:
            join(directory, directory.groups[str(group.name)], member)


def _people_mentioned(directory: Directory) -> list[Name]:
    """The expert, the portal's account, and members that are neither group, SID nor computer."""
    names = [directory.case.expert, directory.caller]
    for group in directory.case.groups:
        for member in group.members:
            is_person = not member.startswith("S-1-") and not member.endswith("$")
            if is_person and "\\" in member and member not in directory.groups:
                names.append(Name.read(member))
    return [name for name in dict.fromkeys(names) if name.domain in directory.domains]


def _add_group(directory: Directory, line: GroupLine) -> None:
    if str(line.name) in directory.groups:
        return
    columns = principal(directory, line.name)
    if line.scope == "builtin":
        columns["sid"] = directory.new_sid(Name("BUILTIN", line.name.name))
    directory.groups[str(line.name)] = Group.objects.create(
        **columns,
        is_security=line.is_security,
        scope=SCOPES[line.scope],
        sid_history=_past_sids(directory, line.options),
        is_present="gone" not in line.options,
    )


def _past_sids(directory: Directory, options: tuple[str, ...]) -> list[str]:
    return [
        directory.new_sid(Name.read(option.removeprefix("was ")))
        for option in options
        if option.startswith("was ")
    ]


def _add_person(directory: Directory, line: PersonLine) -> None:
    domain = directory.domains[line.name.domain]
    columns: dict[str, Any] = {"user_account_control": NORMAL_ACCOUNT}
    principal_name = f"{line.name.name}@{domain.dns_name}"
    primary_group = rf"{line.name.domain}\Domain Users"
    for option in line.options:
        if option in STATES:
            columns |= STATES[option]
        elif option.startswith("UPN "):
            principal_name = option.removeprefix("UPN ")
        elif option.startswith("primary group "):
            primary_group = option.removeprefix("primary group ")
        elif not option.startswith("was "):
            raise UnreadableCase(f"{option!r} is not said of a person.")
    directory.accounts[str(line.name)] = Account.objects.create(
        **principal(directory, line.name),
        **folded(user_principal_name=principal_name),
        primary_group_sid=directory.groups[primary_group].sid,
        sid_history=_past_sids(directory, line.options),
        **columns,
    )


def _add_computer(directory: Directory) -> None:
    line, home = directory.case.computer, directory.home
    name = Name(home.netbios_name, line.name)
    system, _, version = line.system.rpartition(" ") if line.system else ("", "", "")
    if version.startswith("("):  # ``Windows 11 Enterprise 10.0 (22631)``
        system, _, number = system.rpartition(" ")
        version = f"{number} {version}"
    directory.computer = Computer.objects.create(
        **principal(directory, name, account_name=f"{line.name}$"),
        **folded(name=line.name, dns_name=f"{line.name.lower()}.{home.dns_name}"),
        operating_system=system,
        operating_system_version=version,
        ou=directory.units.get(line.unit),
        is_enabled=line.state != "disabled",
        is_present=line.state != "gone",
        is_domain_controller=line.state == "domain controller",
        primary_group_sid=directory.groups[rf"{home.netbios_name}\Domain Computers"].sid,
        allowed_to_authenticate=_may_authenticate(directory),
    )
    if line.address:
        node = DnsNode.objects.create(
            guid=uuid.uuid4(),
            distinguished_name=f"DC={line.name},DC={home.dns_name}",
            domain=home,
            **folded(name=directory.computer.dns_name),
        )
        DnsAddress.objects.create(node=node, address=line.address)


def _may_authenticate(directory: Directory) -> object:
    """What a synchronisation keeps of the computer's permissions; None: it did not read them."""
    said = directory.case.computer.may_authenticate
    if not said:
        return None
    if said == ("unreadable",):
        return "A security descriptor from the directory is too short."
    names = [name for name in said if name != "nobody"]
    denied = [name.removeprefix("not ") for name in names if name.startswith("not ")]
    allowed = [name for name in names if not name.startswith("not ")]
    raw = computer_descriptor(map(directory.sid_of, allowed), map(directory.sid_of, denied))
    return [list(entry) for entry in authentication_entries(raw)]


def join(directory: Directory, group: Group, member: str) -> None:
    """Makes somebody a member; of another forest, by a foreign security principal."""
    if member.endswith(f"\\{directory.case.computer.name}$"):
        _join(group, directory.computer.guid, directory.computer.sid)
        return
    known = directory.groups.get(member) or directory.accounts.get(member)
    sid = directory.sid_of(member)
    if known is not None and known.domain.forest_dns_name == group.domain.forest_dns_name:
        _join(group, known.guid, sid)
        return
    foreign = ForeignSecurityPrincipal.objects.filter(domain=group.domain, sid=sid).first()
    foreign = foreign or ForeignSecurityPrincipal.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"CN={sid},CN=ForeignSecurityPrincipals,"
        f"{group.domain.distinguished_name}",
        domain=group.domain,
        sid=sid,
    )
    _join(group, foreign.guid, sid)


def _join(group: Group, guid: uuid.UUID, sid: str) -> None:
    Membership.objects.create(group=group, member_guid=guid, member_sid=sid)
