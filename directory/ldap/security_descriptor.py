"""The part of a security descriptor that says who applies a policy, may authenticate or delegate.

Formats: [MS-DTYP] 2.4.6 (SECURITY_DESCRIPTOR), 2.4.5 (ACL), 2.4.4 (ACE).
Rights: [MS-ADTS] 5.1.3.2; Apply Group Policy is an extended right ([MS-ADTS] 5.1.3.2.1).
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from directory.ldap.values import (
    AUTHENTICATED_USERS,
    EVERYONE,
    MalformedValue,
    parse_guid,
    parse_sid,
)

APPLY_GROUP_POLICY = uuid.UUID("edacfd8f-ffb3-11d1-b41d-00a0c968f939")
ALLOWED_TO_AUTHENTICATE = uuid.UUID("68b1d179-0d15-4d4f-ab71-46152e79a7bc")
READ_PROPERTY = 0x00000010
CONTROL_ACCESS = 0x00000100
GENERIC_READ = 0x80000000
GENERIC_ALL = 0x10000000
INHERIT_ONLY = 0x08
DACL_PRESENT = 0x0004

ACCESS_ALLOWED = 0x00
ACCESS_DENIED = 0x01
ACCESS_ALLOWED_OBJECT = 0x05
ACCESS_DENIED_OBJECT = 0x06
# With a condition at the end, which is not evaluated here ([MS-DTYP] 2.4.4.6 to 2.4.4.9).
CONDITIONAL = {
    0x09: ACCESS_ALLOWED,
    0x0A: ACCESS_DENIED,
    0x0B: ACCESS_ALLOWED_OBJECT,
    0x0C: ACCESS_DENIED_OBJECT,
}
OBJECT_TYPE_PRESENT = 0x1
INHERITED_OBJECT_TYPE_PRESENT = 0x2

# What an entry does; the last two only where a condition holds that is not looked at here.
ALLOW, DENY, ALLOW_IF, DENY_IF = "allow", "deny", "allow if", "deny if"

EVERY_COMPUTER = frozenset({AUTHENTICATED_USERS, EVERYONE})


@dataclass(frozen=True)
class AccessControlEntry:
    """One entry of a DACL that allows or denies; other kinds are left out.

    ``is_conditional``: it counts only where a condition holds that is not looked at here.
    """

    is_deny: bool
    flags: int
    mask: int
    object_type: uuid.UUID | None
    sid: str
    is_conditional: bool = False

    @property
    def grants_apply(self) -> bool:
        """Whether it speaks of Apply Group Policy, alone or among all extended rights."""
        return self._grants(APPLY_GROUP_POLICY)

    @property
    def grants_authentication(self) -> bool:
        """Whether it speaks of Allowed to Authenticate, alone or among all extended rights."""
        return self._grants(ALLOWED_TO_AUTHENTICATE)

    def _grants(self, right: uuid.UUID) -> bool:
        if self.mask & GENERIC_ALL:
            return self.object_type in (None, right)
        return bool(self.mask & CONTROL_ACCESS) and self.object_type in (None, right)

    @property
    def grants_control(self) -> bool:
        """Whether it speaks of all extended rights, or of one: of which is in ``object_type``."""
        return bool(self.mask & (CONTROL_ACCESS | GENERIC_ALL))

    @property
    def grants_read(self) -> bool:
        return self.object_type is None and bool(
            self.mask & (READ_PROPERTY | GENERIC_READ | GENERIC_ALL)
        )


def parse_dacl(
    raw: bytes, *, with_conditional: bool = False
) -> tuple[AccessControlEntry, ...] | None:
    """The allowing and denying entries of a self-relative security descriptor's DACL.

    Args:
        raw: The value of nTSecurityDescriptor.
        with_conditional: Give back entries with a condition too, marked as such.

    Returns:
        The entries in their order; None when there is no DACL, which lets everyone in.

    Raises:
        MalformedValue: Lengths and offsets do not fit.
    """
    if len(raw) < 20:
        raise MalformedValue("A security descriptor from the directory is too short.")
    control = struct.unpack_from("<H", raw, 2)[0]
    offset = struct.unpack_from("<I", raw, 16)[0]
    if not control & DACL_PRESENT or offset == 0:
        return None
    if offset + 8 > len(raw):
        raise MalformedValue("A security descriptor points outside itself.")
    size, count = struct.unpack_from("<HH", raw, offset + 2)
    end = offset + size
    if end > len(raw):
        raise MalformedValue("An access control list is longer than its security descriptor.")
    position = offset + 8
    entries = []
    for _ in range(count):
        if position + 4 > end:
            raise MalformedValue("An access control list ends in the middle of an entry.")
        length = struct.unpack_from("<H", raw, position + 2)[0]
        if length < 8 or position + length > end:
            raise MalformedValue("An access control entry has the wrong length.")
        entry = _parse_entry(raw[position : position + length])
        if entry is not None and (with_conditional or not entry.is_conditional):
            entries.append(entry)
        position += length
    return tuple(entries)


def _parse_entry(raw: bytes) -> AccessControlEntry | None:
    kind, flags = CONDITIONAL.get(raw[0], raw[0]), raw[1]
    mask = struct.unpack_from("<I", raw, 4)[0]
    object_type = None
    position = 8
    if kind in (ACCESS_ALLOWED_OBJECT, ACCESS_DENIED_OBJECT):
        if len(raw) < 12:
            raise MalformedValue("An object access control entry is too short.")
        present = struct.unpack_from("<I", raw, 8)[0]
        position = 12
        if present & OBJECT_TYPE_PRESENT:
            object_type = parse_guid(raw[position : position + 16])
            position += 16
        if present & INHERITED_OBJECT_TYPE_PRESENT:
            position += 16
    elif kind not in (ACCESS_ALLOWED, ACCESS_DENIED):
        return None
    if position + 8 > len(raw):
        raise MalformedValue("An access control entry ends before its SID.")
    sid_end = position + 8 + 4 * raw[position + 1]
    return AccessControlEntry(
        is_deny=kind in (ACCESS_DENIED, ACCESS_DENIED_OBJECT),
        flags=flags,
        mask=mask,
        object_type=object_type,
        sid=parse_sid(raw[position:sid_end]),
        is_conditional=raw[0] in CONDITIONAL,
    )


def is_security_filtered(raw: bytes) -> bool:
    """Whether some computer below the link may not apply this Group Policy object.

    It is not filtered only when Authenticated Users or Everyone may both read and apply it and
    nobody at all is denied either: which groups a computer's token holds is not decided here.

    Args:
        raw: The policy's nTSecurityDescriptor.
    """
    entries = parse_dacl(raw, with_conditional=True)
    if entries is None:
        return False
    effective = [entry for entry in entries if not entry.flags & INHERIT_ONLY]
    if any(entry.is_deny and (entry.grants_apply or entry.grants_read) for entry in effective):
        return True
    everyone = [
        entry
        for entry in effective
        if entry.sid in EVERY_COMPUTER and not entry.is_deny and not entry.is_conditional
    ]
    may_apply = any(entry.grants_apply for entry in everyone)
    may_read = any(entry.grants_read for entry in everyone)
    return not (may_apply and may_read)


def authentication_entries(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Who is allowed or denied to authenticate to a computer, in the stored order.

    Args:
        raw: The computer's nTSecurityDescriptor.

    Returns:
        What each entry does, and the SID it speaks of.

    Raises:
        MalformedValue: Lengths and offsets do not fit.
    """
    entries = parse_dacl(raw, with_conditional=True)
    if entries is None:
        return ((ALLOW, EVERYONE),)
    return tuple(
        (_word(entry, perhaps=entry.is_conditional), entry.sid)
        for entry in entries
        if entry.grants_authentication and not entry.flags & INHERIT_ONLY
    )


def delegation_entries(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Who is allowed or denied to act for others at a computer, in the stored order.

    An entry for a single extended right counts as one with a condition: the right that the KDC
    asks for has no GUID.

    Args:
        raw: The computer's msDS-AllowedToActOnBehalfOfOtherIdentity ([MS-ADA2] 2.218).

    Returns:
        What each entry does, and the SID it speaks of.

    Raises:
        MalformedValue: Lengths and offsets do not fit.
    """
    entries = parse_dacl(raw, with_conditional=True)
    if entries is None:
        return ((ALLOW, EVERYONE),)
    return tuple(
        (_word(entry, perhaps=entry.is_conditional or entry.object_type is not None), entry.sid)
        for entry in entries
        if entry.grants_control and not entry.flags & INHERIT_ONLY
    )


def _word(entry: AccessControlEntry, *, perhaps: bool) -> str:
    if entry.is_deny:
        return DENY_IF if perhaps else DENY
    return ALLOW_IF if perhaps else ALLOW
