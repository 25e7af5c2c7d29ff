"""Distinguished names that carry the GUID and the SID of what they name.

With LDAP_SERVER_EXTENDED_DN_OID ([MS-ADTS] 3.1.1.3.4.1.5) every distinguished name of an answer
reads ``<GUID=hex>;<SID=hex>;CN=...``: references need no look-up by name, which would have to
guess what was renamed meanwhile.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from directory.ldap.values import MalformedValue, parse_guid, parse_sid

EXTENDED_DN_OID = "1.2.840.113556.1.4.529"


@dataclass(frozen=True, slots=True)
class ExtendedName:
    """A reference to an object.

    Attributes:
        distinguished_name: Without what stood before it.
        guid: None where the directory did not send it.
        sid: Empty for objects that have none.
    """

    distinguished_name: str
    guid: uuid.UUID | None
    sid: str


def split_extended_name(raw: bytes) -> tuple[bytes, bytes | None, bytes | None]:
    """A name, the packet of the GUID and that of the SID, each None where it was not sent.

    Raises:
        MalformedValue: It is not made so.
    """
    guid = sid = None
    while raw.startswith(b"<"):
        part, separator, raw = raw.partition(b">;")
        name, _, value = part[1:].partition(b"=")
        if not separator:
            raise MalformedValue("A reference from the directory names nothing.")
        try:
            if name == b"GUID":
                guid = bytes.fromhex(value.decode("ascii"))
            elif name == b"SID":
                sid = bytes.fromhex(value.decode("ascii"))
        except ValueError as error:
            raise MalformedValue("A reference from the directory is malformed.") from error
    return raw, guid, sid


def parse_extended_name(raw: bytes) -> ExtendedName:
    """A DN-valued attribute, or the name of an entry, as sent with the control.

    Args:
        raw: The whole value. A plain distinguished name is one without GUID and SID.

    Raises:
        MalformedValue: GUID or SID are not of their form.
    """
    name, guid, sid = split_extended_name(raw)
    return ExtendedName(
        distinguished_name=name.decode("utf-8", "replace"),
        guid=parse_guid(guid) if guid is not None else None,
        sid=parse_sid(sid) if sid is not None else "",
    )
