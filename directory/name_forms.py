"""The forms in which people write names of accounts and computers; what is no name at all.

Nothing here asks a directory or a network: a name that is refused here was sent nowhere.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from directory.errors import PortalError

# RFC 1123 labels, and the underscore that Windows allows in computer names.
LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
MAXIMUM_DNS_NAME = 253
MAXIMUM_ACCOUNT_NAME = 256  # sAMAccountName; UPNs are longer, each half is held to this
# Characters that no sAMAccountName has ([MS-SAMR] 3.1.1.6), with those of its separators.
FORBIDDEN = frozenset('"/\\[]:;|=+*?<>,@')
SID = re.compile(r"S-1-\d{1,15}(-\d{1,10}){1,15}", re.IGNORECASE)


class InvalidName(PortalError):
    """The text cannot be the name of anything. It was looked up nowhere."""

    code = "invalid_name"
    status = 400


@dataclass(frozen=True)
class AccountName:
    """``R2\\mjones``, ``r2.local\\mjones`` or a bare ``mjones`` (``domain`` is empty then)."""

    name: str
    domain: str = ""


@dataclass(frozen=True)
class PrincipalName:
    """``mjones@r2.local``: an explicit userPrincipalName, or account and domain."""

    name: str
    suffix: str

    def __str__(self) -> str:
        return f"{self.name}@{self.suffix}"


@dataclass(frozen=True)
class Sid:
    text: str


@dataclass(frozen=True)
class ComputerName:
    """A computer by its name, or by its DNS name when that holds a dot."""

    name: str
    domain: str = ""

    @property
    def is_dns_name(self) -> bool:
        return "." in self.name


IPAddress = IPv4Address | IPv6Address


def is_dns_name(text: str) -> bool:
    """Whether text is a DNS name of letters, digits, hyphens and underscores."""
    name = text.removesuffix(".")
    return 0 < len(name) <= MAXIMUM_DNS_NAME and all(
        LABEL.fullmatch(label) for label in name.split(".")
    )


def parse_account_name(text: str, *, field: str) -> AccountName | PrincipalName | Sid:
    r"""What kind of account or group name a text is.

    Args:
        text: As typed. Blanks around it do not count.
        field: The name of the input, for the error.

    Raises:
        InvalidName: It has characters that no name has, or a form that no name has.
    """
    name = text.strip()
    _refuse_odd_characters(name, field)
    if SID.fullmatch(name):
        return Sid(name.upper())
    if "\\" in name:
        domain, _, account = name.partition("\\")
        if not is_dns_name(domain):
            raise _invalid(text, field)
        return AccountName(_checked(account, text, field), domain)
    if "@" in name:
        account, _, suffix = name.rpartition("@")
        if not is_dns_name(suffix):
            raise _invalid(text, field)
        return PrincipalName(_checked(account, text, field), suffix)
    return AccountName(_checked(name, text, field))


def parse_computer_name(text: str, *, field: str) -> ComputerName | IPAddress:
    r"""A computer's name (``XP191``, ``R2\XP191``, ``xp191$``, ``xp191.r2.local``) or address.

    Raises:
        InvalidName: It is neither.
    """
    name = text.strip()
    _refuse_odd_characters(name, field)
    address = _address(name)
    if address is not None:
        return address
    domain, separator, account = name.rpartition("\\")
    if separator and not is_dns_name(domain):
        raise _invalid(text, field)
    plain = account.removesuffix("$").removesuffix(".")
    # A name of nothing but digits and dots is an address with a mistake in it, not a computer.
    if not is_dns_name(plain) or re.fullmatch(r"[0-9.]+", plain):
        raise _invalid(text, field)
    return ComputerName(plain, domain)


def _address(text: str) -> IPAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def parse_address(text: str, *, field: str) -> IPAddress:
    """An IPv4 or IPv6 address; one with a zone (``fe80::1%eth0``) is refused.

    Raises:
        InvalidName: It is not an address.
    """
    address = _address(text.strip())
    if address is None or "%" in text:
        raise InvalidName(
            f"{_shown(text)} is not an IP address.",
            remedy="Write an address such as 10.1.2.3.",
            field=field,
        )
    return address


def _refuse_odd_characters(name: str, field: str) -> None:
    if not name:
        raise InvalidName("No name was given.", remedy="Type a name.", field=field)
    if len(name) > 2 * MAXIMUM_ACCOUNT_NAME + 1:
        raise InvalidName("That name is too long.", remedy="Type a shorter name.", field=field)
    # C*: control, format (bidirectional marks, zero width), surrogates, unassigned. Zl, Zp: lines.
    if any(
        unicodedata.category(character)[0] == "C" or unicodedata.category(character) in ("Zl", "Zp")
        for character in name
    ):
        raise _invalid(name, field)


def _checked(account: str, text: str, field: str) -> str:
    if (
        not account.strip(" .")
        or len(account) > MAXIMUM_ACCOUNT_NAME
        or any(character in FORBIDDEN for character in account)
    ):
        raise _invalid(text, field)
    return account.strip()


def _invalid(text: str, field: str) -> InvalidName:
    return InvalidName(
        f"{_shown(text)} is not a name that Windows would accept.",
        remedy=r"Write a name such as R2\mjones, mjones@r2.local, XP191 or xp191.r2.local.",
        field=field,
    )


def _shown(text: str) -> str:
    # For a person's eye: odd characters are shown as such, never sent to a terminal or page raw.
    clean = "".join(
        character if unicodedata.category(character)[0] != "C" else "\N{REPLACEMENT CHARACTER}"
        for character in text[:64]
    )
    return f"\N{LEFT DOUBLE QUOTATION MARK}{clean}\N{RIGHT DOUBLE QUOTATION MARK}"
