"""Reads invitation files (``.msrcIncident``) that others wrote, strictly.

Source: [MS-RAI] 6 (Appendix A). The writers are in ``invitation_file``.
"""

from __future__ import annotations

import codecs
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from assist.remote_assistance.connection_string import ConnectionString, parse_connection_string
from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.invitation_file import decrypt
from directory.errors import PortalError

LARGEST = 262_144  # bytes; Windows' own files have a few thousand
LONGEST_LIFETIME_MINUTES = 30 * 24 * 60  # a bound of ours; FreeRDP's vector has 14,400
_LATEST_BEGIN = 0xFFFFFFFF  # DtStart is a 32-bit time
_AES_BLOCK = 16
_DECLARATION = re.compile(r"\A\s*<\?xml\b[^<>]*\?>")
# A word processor writes these for the straight quotes that XML needs.
_CURLY_QUOTE = re.compile("=\\s*[\u2018-\u201f\u2032\u2033]")


class BadInvitationFile(PortalError):
    """The file is no invitation, or is damaged."""

    code = "bad_invitation_file"
    default_remedy = "Ask for the file again, sent as an attachment and not pasted into a text."

    def __init__(self, sentence: str, *, remedy: str = "") -> None:
        super().__init__(sentence, remedy=remedy or self.default_remedy)


@dataclass(frozen=True)
class ReadInvitation:
    """What an invitation file says.

    Attributes:
        novice_name: USERNAME.
        ticket: RCTICKET: connection string 1, or what the file has instead of it.
        encrypted_ticket: LHTICKET; empty in the older form.
        needs_password: Whether the viewer has to give one.
        begins_at: DtStart.
        ends_at: DtStart and DtLength minutes more.
    """

    novice_name: str
    ticket: str
    encrypted_ticket: bytes
    needs_password: bool
    begins_at: datetime
    ends_at: datetime

    def is_expired(self, now: datetime) -> bool:
        return now >= self.ends_at

    def connection_string(self, password: str) -> ConnectionString:
        """Connection string 2.

        Raises:
            BadInvitationFile: The password is wrong, or the file has no such string.
        """
        if not self.encrypted_ticket:
            raise BadInvitationFile("The file is of the older form, without connection string 2.")
        try:
            return parse_connection_string(decrypt(self.encrypted_ticket, password))
        except (ValueError, BadAnswer) as error:
            raise BadInvitationFile(
                "The password does not open the file.", remedy="Check the password's capitals."
            ) from error


def read_invitation(content: bytes) -> ReadInvitation:
    """Reads a file of either form.

    Args:
        content: The file; UTF-8, or UTF-16 as Windows XP writes it.

    Raises:
        BadInvitationFile: With a sentence that says what is wrong with it.
    """
    if len(content) > LARGEST:
        raise BadInvitationFile(f"The file has {len(content)} bytes; no invitation has so many.")
    data = _data(_text(content))
    begins_at = datetime.fromtimestamp(_number(data, "DtStart", _LATEST_BEGIN), UTC)
    minutes = _number(data, "DtLength", LONGEST_LIFETIME_MINUTES)
    return ReadInvitation(
        novice_name=data.get("USERNAME", ""),
        ticket=_required(data, "RCTICKET"),
        encrypted_ticket=_hexadecimal(data.get("LHTICKET", "")),
        needs_password=data.get("RCTICKETENCRYPTED", "0") == "1",
        begins_at=begins_at,
        ends_at=begins_at + timedelta(minutes=minutes),
    )


def _text(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif content[1:2] == b"\0":
        encoding = "utf-16-le"
    else:
        encoding = "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadInvitationFile("The file is not text.") from error


def _data(text: str) -> dict[str, str]:
    """The attributes of UPLOADDATA."""
    # The declaration's encoding is "Unicode" in Windows' files, which no XML parser knows.
    body = _DECLARATION.sub("", text.rstrip("\0"), count=1)
    if _CURLY_QUOTE.search(text):
        raise BadInvitationFile("A word processor has replaced the file's quotes by curly ones.")
    if "<!" in body or "<?" in body:
        raise BadInvitationFile("The file has declarations, which no invitation needs.")
    try:
        root = ET.fromstring(body)  # noqa: S314 - bounded, and without declarations no entities
    except ET.ParseError as error:
        raise BadInvitationFile("The file is not XML.") from error
    upload = root.find("UPLOADDATA")
    if root.tag != "UPLOADINFO" or upload is None:
        raise BadInvitationFile("The file is XML, but no invitation.")
    return dict(upload.attrib)


def _required(data: dict[str, str], name: str) -> str:
    value = data.get(name, "")
    if not value:
        raise BadInvitationFile(f"The file has no {name}.")
    return value


def _number(data: dict[str, str], name: str, greatest: int) -> int:
    value = _required(data, name)
    if not re.fullmatch("[0-9]{1,10}", value) or int(value) > greatest:
        raise BadInvitationFile(f"The file's {name} is {value[:20]!r}.")
    return int(value)


def _hexadecimal(text: str) -> bytes:
    try:
        ticket = bytes.fromhex(text)
    except ValueError as error:
        raise BadInvitationFile("The file's LHTICKET is not hexadecimal.") from error
    if len(ticket) % _AES_BLOCK:
        raise BadInvitationFile("The file's LHTICKET is cut off.")
    return ticket
