"""What is said of an account of the portal, from what is known of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from directory.ldap.values import UserAccountControl as Flag

# Relative ids of the account's domain, [MS-DTYP] 2.4.2.4, and SIDs of BUILTIN.
PRIVILEGED_IN_DOMAIN = {
    512: "Domain Admins",
    516: "Domain Controllers",
    517: "Cert Publishers",
    518: "Schema Admins",
    519: "Enterprise Admins",
    520: "Group Policy Creator Owners",
    526: "Key Admins",
    527: "Enterprise Key Admins",
}
PRIVILEGED_BUILTIN = {
    "S-1-5-32-544": "Administrators",
    "S-1-5-32-548": "Account Operators",
    "S-1-5-32-549": "Server Operators",
    "S-1-5-32-550": "Print Operators",
    "S-1-5-32-551": "Backup Operators",
    "S-1-5-32-552": "Replicator",
}
PRIVILEGED_BY_NAME = ("dnsadmins",)  # has no number of its own
COMPUTER_SERVICES = ("host", "rpcss")


class Use(StrEnum):
    """What the portal has an account for."""

    SERVICE = "calls computers"
    WEB = "takes sign-ins with Windows"
    READING = "reads the directory"


class Level(StrEnum):
    """How bad it is."""

    TOO_MUCH = "too much"
    MISSING = "missing"
    UNKNOWN = "unknown"
    NOTE = "note"


@dataclass(frozen=True)
class Remark:
    """One thing said of an account.

    Attributes:
        code: Stable, for programs.
        level: How bad it is.
        sentence: For a person.
        remedy: What to do; empty where nothing needs doing.
    """

    code: str
    level: Level
    sentence: str
    remedy: str = ""

    def to_json(self) -> dict[str, str]:
        return {
            "code": self.code,
            "level": self.level.value,
            "sentence": self.sentence,
            "remedy": self.remedy,
        }


@dataclass(frozen=True)
class AccountRights:
    """What is known of an account.

    Attributes:
        name: As ``DOMAIN\\name``.
        use: What the portal has it for.
        domain_sid: Of its domain.
        usable: Why it cannot be used, as the end of a sentence; empty where it can.
        flags: userAccountControl.
        groups: Names of all groups that it is in, also by nesting, by SID.
        admin_count: adminCount; None where it is not known.
        delegates_to: msDS-AllowedToDelegateTo.
        services: servicePrincipalName.
        controllers: Names of the domain controllers, in lower case.
        wanted_service: The service principal name that it should have; empty where none.
        has_keytab: Whether its keytab is a file here; None where it needs none here.
    """

    name: str
    use: Use
    domain_sid: str
    usable: str
    flags: int
    groups: Mapping[str, str]
    admin_count: int | None
    delegates_to: Sequence[str]
    services: Sequence[str]
    controllers: frozenset[str] = frozenset()
    wanted_service: str = ""
    has_keytab: bool | None = None


@dataclass(frozen=True)
class Examined:
    """An account of the portal and what was found of it."""

    name: str
    use: Use
    remarks: tuple[Remark, ...]

    @property
    def is_sound(self) -> bool:
        return not any(one.level in (Level.TOO_MUCH, Level.MISSING) for one in self.remarks)

    def to_json(self) -> dict[str, Any]:
        return {
            "account": self.name,
            "use": self.use.value,
            "is_sound": self.is_sound,
            "remarks": [remark.to_json() for remark in self.remarks],
        }


def remarks(rights: AccountRights) -> tuple[Remark, ...]:
    """Everything that there is to say of an account, the worst first."""
    order = list(Level)
    return tuple(sorted(_remarks(rights), key=lambda one: order.index(one.level)))


def _remarks(rights: AccountRights) -> Iterator[Remark]:
    if rights.usable:
        yield Remark(
            "account.unusable",
            Level.MISSING,
            f"{rights.name} {rights.usable}.",
            "Make it usable again, or name another.",
        )
    if rights.has_keytab is False:
        yield Remark(
            "keytab.missing",
            Level.MISSING,
            f"The keytab of {rights.name} is not a file on this machine.",
            "Export its keys there, if processes of this machine use the account.",
        )
    yield from _groups(rights)
    yield from _flags(rights)
    yield from _delegation(rights)
    if rights.wanted_service and rights.wanted_service.lower() not in {
        name.lower() for name in rights.services
    }:
        yield Remark(
            "services.missing",
            Level.MISSING,
            f"{rights.name} does not have the service principal name {rights.wanted_service}, so "
            "browsers get no ticket for the portal.",
            f"Run setspn -S {rights.wanted_service} {rights.name}.",
        )
    if rights.services and rights.use is not Use.WEB:
        yield Remark(
            "services.needless",
            Level.NOTE,
            f"{rights.name} has service principal names ({', '.join(rights.services)}): anybody "
            "of the domain can get tickets to try its password on.",
            "Remove them; the account only calls others.",
        )
    if rights.use is Use.SERVICE:
        yield Remark(
            "computers.unknown",
            Level.UNKNOWN,
            f"On which computers {rights.name} is in a local group such as Administrators cannot "
            "be seen from here.",
            "Look at Restricted Groups and Local Users and Groups of your policies.",
        )


def _groups(rights: AccountRights) -> Iterator[Remark]:
    by_sid = PRIVILEGED_BUILTIN | {
        f"{rights.domain_sid}-{number}": name for number, name in PRIVILEGED_IN_DOMAIN.items()
    }
    for sid, name in sorted(rights.groups.items()):
        if sid in by_sid or name.rpartition("\\")[2].lower() in PRIVILEGED_BY_NAME:
            yield Remark(
                "group.privileged",
                Level.TOO_MUCH,
                f"{rights.name} is a member of {by_sid.get(sid, name)}.",
                "Take it out: for what the portal does it needs no such group.",
            )
    if rights.admin_count is None:
        yield Remark(
            "admin_count.unknown",
            Level.UNKNOWN,
            f"adminCount of {rights.name} could not be read.",
            "Look at it with an account that may.",
        )
    elif rights.admin_count:
        yield Remark(
            "admin_count.set",
            Level.TOO_MUCH,
            f"{rights.name} is or was a member of a protected group (adminCount is "
            f"{rights.admin_count}).",
            "Take it out of such groups, clear adminCount and let it inherit permissions again.",
        )


def _flags(rights: AccountRights) -> Iterator[Remark]:
    said = {
        Flag.TRUSTED_FOR_DELEGATION: (
            "delegation.unconstrained",
            "may act for anybody who calls it, anywhere (unconstrained delegation)",
        ),
        Flag.TRUSTED_TO_AUTH_FOR_DELEGATION: (
            "delegation.protocol_transition",
            "may act for people who never called it (protocol transition)",
        ),
        Flag.DONT_REQUIRE_PREAUTH: ("preauthentication.off", "needs no pre-authentication"),
        Flag.USE_DES_KEY_ONLY: ("encryption.des", "uses DES keys alone"),
        Flag.ENCRYPTED_TEXT_PASSWORD_ALLOWED: (
            "password.reversible",
            "has its password stored so that it can be read",
        ),
    }
    for flag, (code, sentence) in said.items():
        if rights.flags & flag:
            yield Remark(
                code,
                Level.TOO_MUCH,
                f"{rights.name} {sentence}.",
                f"Clear {flag.name} in its userAccountControl.",
            )
    if not rights.flags & Flag.NOT_DELEGATED:
        yield Remark(
            "account.may_be_delegated",
            Level.NOTE,
            f"Services may act for {rights.name} where it calls them.",
            "Mark it as sensitive and cannot be delegated.",
        )
    if rights.flags & Flag.DONT_EXPIRE_PASSWORD:
        yield Remark(
            "password.never_expires",
            Level.NOTE,
            f"The password of {rights.name} never expires.",
            "Change it, with the keytab, by a schedule of your own.",
        )


def _delegation(rights: AccountRights) -> Iterator[Remark]:
    if rights.delegates_to and rights.use is not Use.WEB:
        yield Remark(
            "delegation.needless",
            Level.TOO_MUCH,
            f"{rights.name} may act for others at {len(rights.delegates_to)} services "
            f"({rights.delegates_to[0]}, ...): it needs none.",
            "Empty msDS-AllowedToDelegateTo.",
        )
        return
    for name in rights.delegates_to:
        service, _, host = name.partition("/")
        place = host.partition("/")[0].partition(":")[0].lower()
        if service.lower() not in COMPUTER_SERVICES:
            yield Remark(
                "delegation.other_service",
                Level.TOO_MUCH,
                f"{rights.name} may act for others at {name}, which is no service that offers "
                "need.",
                "Leave only host/ names of novices' computers in msDS-AllowedToDelegateTo.",
            )
        elif place in rights.controllers:
            yield Remark(
                "delegation.controller",
                Level.TOO_MUCH,
                f"{rights.name} may act for others at the domain controller {place}.",
                f"Take {name} out of msDS-AllowedToDelegateTo.",
            )
