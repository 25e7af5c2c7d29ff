"""Security descriptors as bytes: [MS-DTYP] 2.4.6 (the whole), 2.4.5 (ACL), 2.4.4 (ACE).

Written here and not by the product's own code, which is what the table judges.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

APPLY_GROUP_POLICY = uuid.UUID("edacfd8f-ffb3-11d1-b41d-00a0c968f939")
ALLOWED_TO_AUTHENTICATE = uuid.UUID("68b1d179-0d15-4d4f-ab71-46152e79a7bc")  # [MS-ADTS] 5.1.3.2.1

AUTHENTICATED_USERS = "S-1-5-11"
ENTERPRISE_DOMAIN_CONTROLLERS = "S-1-5-9"
ADMINISTRATORS = "S-1-5-32-544"

CONTROL_ACCESS = 0x100
GENERIC_READ_OF_OBJECTS = 0x20094  # read permissions, list contents, properties and object
EVERYTHING_BUT_RIGHTS = 0xF00FF  # what Domain Admins have on a policy: no extended right


@dataclass(frozen=True)
class Ace:
    """An entry that allows or denies; with ``right`` it is about that extended right alone."""

    sid: str
    mask: int
    right: uuid.UUID | None = None
    denies: bool = False

    def pack(self) -> bytes:
        kind = (1 if self.denies else 0) + (5 if self.right else 0)
        body = struct.pack("<I", self.mask)
        if self.right:
            body += struct.pack("<I", 1) + self.right.bytes_le
        body += pack_sid(self.sid)
        return struct.pack("<BBH", kind, 0, 4 + len(body)) + body


def pack_sid(text: str) -> bytes:
    """The packet of a SID, [MS-DTYP] 2.4.2.2."""
    _, revision, authority, *parts = text.split("-")
    head = struct.pack(">BBQ", int(revision), len(parts), int(authority))
    # The authority has six bytes, not eight.
    return head[:2] + head[4:] + b"".join(struct.pack("<I", int(part)) for part in parts)


def descriptor(aces: Iterable[Ace]) -> bytes:
    """A self-relative security descriptor with these entries, denying ones first."""
    entries = sorted(aces, key=lambda ace: not ace.denies)
    packed = b"".join(ace.pack() for ace in entries)
    acl = struct.pack("<BBHHH", 4, 0, 8 + len(packed), len(entries), 0) + packed
    owner = pack_sid(ADMINISTRATORS)
    control = 0x8000 | 0x0004  # self-relative, DACL present
    offsets = (20, 20, 0, 20 + len(owner))
    return struct.pack("<BBHIIII", 1, 0, control, *offsets) + owner + acl


def policy_descriptor(
    administrators: str, readers: Iterable[str], appliers: Iterable[str], denied: Iterable[str]
) -> bytes:
    """Who may read and apply a policy, beside what the system has.

    Args:
        administrators: SID of Domain Admins, who may change it and need not apply it.
        readers: SIDs with Read.
        appliers: SIDs with Apply Group Policy; what consoles call security filtering is both.
        denied: SIDs that are denied Apply Group Policy.
    """
    aces = [
        Ace(ENTERPRISE_DOMAIN_CONTROLLERS, GENERIC_READ_OF_OBJECTS),
        Ace(administrators, EVERYTHING_BUT_RIGHTS),
    ]
    aces += [Ace(sid, GENERIC_READ_OF_OBJECTS) for sid in readers]
    aces += [Ace(sid, CONTROL_ACCESS, APPLY_GROUP_POLICY) for sid in appliers]
    aces += [Ace(sid, CONTROL_ACCESS, APPLY_GROUP_POLICY, denies=True) for sid in denied]
    return descriptor(aces)


def computer_descriptor(allowed: Iterable[str], denied: Iterable[str]) -> bytes:
    """Who has Allowed to Authenticate on a computer, beside everybody's Read.

    Args:
        allowed: SIDs that are allowed it.
        denied: SIDs that are denied it.
    """
    aces = [Ace(AUTHENTICATED_USERS, GENERIC_READ_OF_OBJECTS)]
    aces += [Ace(sid, CONTROL_ACCESS, ALLOWED_TO_AUTHENTICATE) for sid in allowed]
    aces += [Ace(sid, CONTROL_ACCESS, ALLOWED_TO_AUTHENTICATE, denies=True) for sid in denied]
    return descriptor(aces)
