"""Security descriptors byte by byte, as a domain controller would hand them out."""

from __future__ import annotations

import struct
import uuid

from directory.ldap.security_descriptor import APPLY_GROUP_POLICY
from directory.ldap.values import AUTHENTICATED_USERS, pack_sid

READ = 0x00020094
CONTROL = 0x00000100
ALLOW, DENY, ALLOW_OBJECT, DENY_OBJECT, ALLOW_IF, DENY_IF = 0, 1, 5, 6, 9, 10
INHERIT_ONLY = 8


def ace(kind: int, mask: int, sid: str, right: uuid.UUID | None = None, flags: int = 0) -> bytes:
    """An access control entry ([MS-DTYP] 2.4.4)."""
    body = struct.pack("<I", mask)
    if kind in (ALLOW_OBJECT, DENY_OBJECT):
        body += struct.pack("<I", 1 if right else 0) + (right.bytes_le if right else b"")
    body += pack_sid(sid)
    return struct.pack("<BBH", kind, flags, len(body) + 4) + body


def descriptor(*aces: bytes) -> bytes:
    """A self-relative security descriptor with a DACL and nothing else."""
    body = b"".join(aces)
    acl = struct.pack("<BBHHH", 4, 0, 8 + len(body), len(aces), 0) + body
    return struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20) + acl


def may_read(sid: str = AUTHENTICATED_USERS) -> bytes:
    return ace(ALLOW, READ, sid)


def may_apply(sid: str = AUTHENTICATED_USERS) -> bytes:
    return ace(ALLOW_OBJECT, CONTROL, sid, APPLY_GROUP_POLICY)


def may_not_apply(sid: str) -> bytes:
    return ace(DENY_OBJECT, CONTROL, sid, APPLY_GROUP_POLICY)


def applies_to(*sids: str) -> bytes:
    """What the console writes when a policy is filtered: everybody reads, some apply."""
    return descriptor(may_read(), *(may_apply(sid) for sid in sids))
