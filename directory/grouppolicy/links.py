"""gPLink: which Group Policy objects are linked to a container ([MS-GPOL] 2.2.2)."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from directory.errors import PortalError

LINK = re.compile(r"\[LDAP://(?P<dn>[^\];]+);(?P<options>\d{1,10})\]", re.IGNORECASE)
POLICY_GUID = re.compile(r"^CN=\{(?P<guid>[0-9A-F-]{36})\},", re.IGNORECASE)
DISABLED = 1
ENFORCED = 2


class MalformedLinks(PortalError):
    """A gPLink value does not follow its grammar."""

    code = "malformed_links"
    status = 502


@dataclass(frozen=True)
class PolicyLink:
    """One link.

    Attributes:
        distinguished_name: Of the linked policy.
        policy_guid: From its name; None when the name holds none.
        order: As administrators see it: 1 has the last word.
    """

    distinguished_name: str
    policy_guid: uuid.UUID | None
    order: int
    is_disabled: bool
    is_enforced: bool


def parse_links(value: str) -> tuple[PolicyLink, ...]:
    """The links of one container, the one with link order 1 first.

    Windows writes the list in the order of processing: the last in the text is processed last and
    is the one consoles show as number 1.

    Args:
        value: The gPLink attribute. Empty or a single blank means no links.

    Raises:
        MalformedLinks: Something in it is not a link.
    """
    found = list(LINK.finditer(value))
    if LINK.sub("", value).strip():
        raise MalformedLinks("What it says of its links (gPLink) is malformed.")
    return tuple(
        _link(match["dn"], int(match["options"]), order)
        for order, match in enumerate(reversed(found), start=1)
    )


def _link(distinguished_name: str, options: int, order: int) -> PolicyLink:
    name = POLICY_GUID.match(distinguished_name)
    try:
        guid = uuid.UUID(name["guid"]) if name else None
    except ValueError:
        guid = None
    return PolicyLink(
        distinguished_name=distinguished_name,
        policy_guid=guid,
        order=order,
        is_disabled=bool(options & DISABLED),
        is_enforced=bool(options & ENFORCED),
    )
