"""An entry as the directory sent it: raw values, and typed looks at them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from directory.ldap.values import (
    MalformedValue,
    parse_filetime,
    parse_generalized_time,
    parse_guid,
    parse_integer,
    parse_sid,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One search result.

    Attributes:
        distinguished_name: As sent, without GUID and SID before it.
        values: Raw values by attribute name in lower case, options such as ``;range=`` included.
        name_guid: The GUID that came with the name, as 32 hexadecimal digits; empty when names
            were not asked for in extended form.
        name_sid: The SID that came with the name; empty when there was none.
    """

    distinguished_name: str
    values: Mapping[str, Sequence[bytes]]
    name_guid: str = ""
    name_sid: str = ""

    # Each of these is called for every attribute of every object: none calls another.

    def all(self, attribute: str) -> Sequence[bytes]:
        return self.values.get(attribute.lower(), ())

    def first(self, attribute: str) -> bytes | None:
        values = self.values.get(attribute.lower())
        return values[0] if values else None

    def text(self, attribute: str) -> str:
        """The first value as text; empty when there is none. Undecodable bytes are marked."""
        values = self.values.get(attribute.lower())
        if not values:
            return ""
        # NUL cannot be stored in PostgreSQL; the directory's schema does not forbid it.
        return values[0].decode("utf-8", "replace").replace("\x00", "\ufffd")

    def texts(self, attribute: str) -> list[str]:
        """All values as text, in the order sent."""
        return [
            raw.decode("utf-8", "replace").replace("\x00", "\ufffd")
            for raw in self.values.get(attribute.lower(), ())
        ]

    def integer(self, attribute: str, default: int = 0) -> int:
        values = self.values.get(attribute.lower())
        return parse_integer(values[0]) if values else default

    def filetime(self, attribute: str) -> datetime | None:
        raw = self.first(attribute)
        return parse_filetime(raw) if raw is not None else None

    def time(self, attribute: str) -> datetime | None:
        raw = self.first(attribute)
        return parse_generalized_time(raw) if raw is not None else None

    def sid(self, attribute: str = "objectSid") -> str:
        """The SID, or empty when the entry has none. That of its name counts first."""
        if self.name_sid and attribute == "objectSid":
            return self.name_sid
        raw = self.first(attribute)
        return parse_sid(raw) if raw is not None else ""

    @property
    def guid(self) -> uuid.UUID:
        """Its objectGUID. That of its name counts first.

        Raises:
            MalformedValue: It was not sent.
        """
        if self.name_guid:
            return uuid.UUID(hex=self.name_guid)
        raw = self.first("objectGUID")
        if raw is None:
            raise MalformedValue(f"{self.distinguished_name} came without its objectGUID.")
        return parse_guid(raw)

    @property
    def guid_hex(self) -> str:
        """Its objectGUID as 32 hexadecimal digits: what databases take without a conversion.

        Raises:
            MalformedValue: It was not sent.
        """
        return self.name_guid or self.guid.hex
