"""One rule of the firewall of Windows Vista and later: [MS-GPFAS] 2.2.2.19.

``v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=135|...|``

A field that breaks the grammar makes the rule malformed. Windows ignores such a rule or obeys a
part of it, so it is kept with that field as wide as can be: it may block, and never allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar, cast

from directory.grouppolicy.firewall.scope import ANY, ANYWHERE, Scope, scope_of

T = TypeVar("T")
VERSION = re.compile(r"v([0-9]{1,3})\.([0-9]{1,3})")
NUMBER = re.compile(r"[0-9]{1,5}")
PLATFORM = re.compile(r"([0-9]+):([0-9]{1,3}):([0-9]{1,3})")
TCP, UDP = 6, 17
PROFILES = frozenset({"domain", "private", "public"})
RPC_DYNAMIC = "rpc"
RPC_ENDPOINT_MAPPER = "rpc-epmap"
PORT_KEYWORDS = frozenset(
    {
        RPC_DYNAMIC,
        RPC_ENDPOINT_MAPPER,
        "teredo",
        "iptlsin",
        "iphttpsin",
        "dhcp",
        "ply2disc",
        "mdns",
        "tcpcdpsvc",
    }
)
LOCAL_PORTS = re.compile(r"lport(2_[0-9]+)?")
REMOTE_PORTS = re.compile(r"rport(2_[0-9]+)?")
REMOTE_ADDRESSES = frozenset({"ra4", "ra6", "ra42", "ra62"})
# They narrow a rule in ways that cannot be judged off the computer.
CONDITIONS = frozenset(
    {
        "la4",
        "la6",
        "if",
        "iftype",
        "security",
        "security2_9",
        "security2",
        "rmauth",
        "ruauth",
        "luauth",
        "luauth2_24",
        "luown",
        "apppkgid",
        "skipver",
        "nnm",
        "securityrealmid",
        "ttk",
        "ttk2_22",
        "ttk2_27",
        "ttk2_28",
        "icmp4",
        "icmp6",
    }
)
# They say nothing about whom a rule lets in from the computer's own network.
HARMLESS = frozenset(
    {"name", "desc", "embedctxt", "edge", "defer", "lsm", "lom", "authbypassout", "pcross"}
)
JUDGED = frozenset(
    {"action", "dir", "active", "profile", "protocol", "app", "svc", "platform", "platform2"}
)
KNOWN = CONDITIONS | HARMLESS | JUDGED | REMOTE_ADDRESSES


@dataclass(frozen=True)
class Platform:
    """A version of Windows that a rule is for: [MS-GPFAS] 2.2.2.17 and 2.2.2.18."""

    major: int
    minor: int
    is_or_later: bool = False

    def matches(self, version: tuple[int, int]) -> bool:
        mine = (self.major, self.minor)
        return version >= mine if self.is_or_later else version == mine


@dataclass(frozen=True)
class Ports:
    """Local ports: ranges of numbers and keywords such as RPC-EPMap, in small letters."""

    ranges: tuple[tuple[int, int], ...] = ()
    keywords: frozenset[str] = frozenset()


@dataclass(frozen=True)
class FirewallRule:
    """What a rule says.

    Attributes:
        action: ``allow``, ``block`` or ``bypass``; empty where it cannot be read.
        direction: ``in`` or ``out``; empty where it cannot be read.
        is_active: A rule without the field is not.
        profiles: In small letters; empty: every profile.
        protocol: Its number; None: any.
        ports: Local ports; None: any.
        has_remote_ports: It is for some remote ports only.
        program: ``App``; empty: any.
        service: ``Svc``; empty: not only a service. ``*``: any service.
        remote: For which remote addresses.
        platforms: For which Windows; empty: any.
        conditions: Further conditions, as written.
        unknown: Fields that the grammar does not have, as written.
        name: For people; may be a resource such as ``@FirewallAPI.dll,-33035``.
        group: ``EmbedCtxt``.
        problems: What breaks the grammar.
    """

    action: str = ""
    direction: str = ""
    is_active: bool = False
    profiles: frozenset[str] = frozenset()
    protocol: int | None = None
    ports: Ports | None = None
    has_remote_ports: bool = False
    program: str = ""
    service: str = ""
    remote: Scope = ANYWHERE
    platforms: tuple[Platform, ...] = ()
    conditions: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    name: str = ""
    group: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_malformed(self) -> bool:
        return bool(self.problems)


class _UnreadableField(Exception):
    """A field breaks the grammar."""


@lru_cache(maxsize=4096)
def parse_rule(text: str) -> FirewallRule:
    """What a rule's text says; a malformed one comes back with its problems. Never raises."""
    fields = _Fields(text)
    return FirewallRule(
        action=fields.single("action", _word("allow", "block", "bypass"), widest=""),
        direction=fields.single("dir", _word("in", "out"), widest=""),
        is_active=fields.single("active", _boolean, widest=True, absent=False),
        profiles=fields.profiles(),
        protocol=fields.single("protocol", _protocol, widest=None, absent=None),
        ports=fields.ports(),
        has_remote_ports=any(REMOTE_PORTS.fullmatch(token) for token in fields.values),
        program=fields.single("app", _text, widest="", absent=""),
        service=fields.single("svc", _text, widest="", absent=""),
        remote=fields.remote(),
        platforms=fields.platforms(),
        conditions=tuple(part for token, part in fields.parts if token in CONDITIONS),
        unknown=tuple(part for token, part in fields.parts if not _is_known(token)),
        name=fields.values.get("name", [""])[0],
        group=fields.values.get("embedctxt", [""])[0],
        problems=tuple(dict.fromkeys(fields.problems)),
    )


_MISSING = object()


class _Fields:
    """The fields of one rule by their token in small letters, and what is wrong with them."""

    def __init__(self, text: str) -> None:
        self.problems: list[str] = []
        self.values: dict[str, list[str]] = {}
        self.parts: list[tuple[str, str]] = []
        version, _, rest = text.partition("|")
        if not _is_version(version):
            self.problems.append("it does not begin with a version")
        parts = rest.split("|")
        if parts.pop() or not parts:
            self.problems.append("it does not end with a field and a bar")
        for part in parts:
            token, separator, value = part.partition("=")
            if not separator:
                self.problems.append(f"{part!r} is no field")
                continue
            if _needs_protocol(token) and not self._is_for_ports():
                self.problems.append(f"{token} is not preceded by the protocol TCP or UDP")
            self.values.setdefault(token.lower(), []).append(value)
            self.parts.append((token.lower(), part))

    def _is_for_ports(self) -> bool:
        return self.values.get("protocol") in ([str(TCP)], [str(UDP)])

    def single(
        self, token: str, read: Callable[[str], T], *, widest: T, absent: object = _MISSING
    ) -> T:
        """A field that may appear once.

        Args:
            token: Its name.
            read: Its value; raises :class:`_UnreadableField`.
            widest: What to go by where it cannot be read: what holds for the most packets.
            absent: What its absence means; without that it must be there.
        """
        values = self.values.get(token, [])
        if not values and absent is not _MISSING:
            return cast(T, absent)
        if len(values) != 1:
            self.problems.append(f"{token} appears {len(values)} times")
            return widest
        try:
            return read(values[0])
        except _UnreadableField:
            self.problems.append(f"{token} cannot be {values[0]!r}")
            return widest

    def profiles(self) -> frozenset[str]:
        found = {value.lower() for value in self.values.get("profile", [])}
        for unread in sorted(found - PROFILES):
            self.problems.append(f"profile cannot be {unread!r}")
        return frozenset(found) if found <= PROFILES else frozenset()

    def ports(self) -> Ports | None:
        """All local ports together; None where there are none or one of them cannot be read."""
        ranges: list[tuple[int, int]] = []
        keywords: set[str] = set()
        is_readable = True
        for name, part in self.parts:
            if not LOCAL_PORTS.fullmatch(name):
                continue
            value = part.partition("=")[2]
            if (found := _port_range(value, is_range=name != "lport")) is not None:
                ranges.append(found)
            elif value.lower() in PORT_KEYWORDS:
                keywords.add(value.lower())
            else:
                self.problems.append(f"{name} cannot be {value!r}")
                is_readable = False
        if not is_readable or not (ranges or keywords):
            return None
        return Ports(tuple(ranges), frozenset(keywords))

    def remote(self) -> Scope:
        parts = [part.partition("=")[2] for name, part in self.parts if name in REMOTE_ADDRESSES]
        if not parts:
            return ANYWHERE
        scope = scope_of(tuple(parts))
        unreadable = [*scope.unreadable, *(part for part in parts if part == ANY)]
        for part in unreadable:
            self.problems.append(f"a remote address cannot be {part!r}")
        return ANYWHERE if unreadable else scope

    def platforms(self) -> tuple[Platform, ...]:
        values = self.values.get("platform", [])
        found = [PLATFORM.fullmatch(value) for value in values]
        last = self.values.get("platform2", [])
        if None in found or len(last) > 1 or any(value.upper() != "GTEQ" for value in last):
            self.problems.append("its platforms cannot be read")
            return ()
        versions = [(int(item[2]), int(item[3])) for item in found if item]
        return tuple(
            Platform(*version, is_or_later=bool(last) and number == len(versions))
            for number, version in enumerate(versions, start=1)
        )


def _is_version(text: str) -> bool:
    found = VERSION.fullmatch(text)
    return found is not None and all(int(part) <= 255 for part in found.groups())


def _needs_protocol(token: str) -> bool:
    token = token.lower()
    return bool(LOCAL_PORTS.fullmatch(token) or REMOTE_PORTS.fullmatch(token))


def _is_known(token: str) -> bool:
    return token in KNOWN or _needs_protocol(token)


def _word(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value.lower() not in words:
            raise _UnreadableField
        return value.lower()

    return read


def _boolean(value: str) -> bool:
    return _word("true", "false")(value) == "true"


def _protocol(value: str) -> int:
    if not NUMBER.fullmatch(value) or int(value) > 255:
        raise _UnreadableField
    return int(value)


def _text(value: str) -> str:
    if not value:
        raise _UnreadableField
    return value


def _port_range(value: str, *, is_range: bool) -> tuple[int, int] | None:
    first, hyphen, last = value.partition("-")
    last = last if hyphen else first
    if bool(hyphen) is not is_range or not NUMBER.fullmatch(first) or not NUMBER.fullmatch(last):
        return None
    found = (int(first), int(last))
    return found if found[0] <= found[1] <= 65535 else None
