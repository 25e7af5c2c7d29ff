"""The few SPNEGO messages ([RFC4178], [MS-SPNG]) that choose Kerberos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SPNEGO_OID = bytes.fromhex("2b0601050502")
KERBEROS_OID = bytes.fromhex("2a864886f712010202")
MICROSOFT_KERBEROS_OID = bytes.fromhex("2a864882f712010202")  # Windows' misprint, first in its list
NTLM_OID = bytes.fromhex("2b06010401823702020a")

ACCEPT_COMPLETED, ACCEPT_INCOMPLETE, REJECT = 0, 1, 2


class SpnegoError(ValueError):
    """Not an SPNEGO message."""


def encode(tag: int, content: bytes) -> bytes:
    """One DER element."""
    size = len(content)
    if size < 0x80:
        length = bytes([size])
    else:
        digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(digits)]) + digits
    return bytes([tag]) + length + content


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The DER elements one after the other: tag and content.

    Raises:
        SpnegoError: an element is cut short.
    """
    offset = 0
    while offset < len(data):
        if offset + 2 > len(data):
            raise SpnegoError("element cut short")
        tag, size = data[offset], data[offset + 1]
        offset += 2
        if size & 0x80:
            digits = size & 0x7F
            if not 0 < digits <= 4 or offset + digits > len(data):
                raise SpnegoError("length cut short")
            size = int.from_bytes(data[offset : offset + digits], "big")
            offset += digits
        if offset + size > len(data):
            raise SpnegoError("content cut short")
        yield tag, data[offset : offset + size]
        offset += size


def _first(data: bytes, tag: int) -> bytes:
    for found, content in elements(data):
        if found == tag:
            return content
        break
    raise SpnegoError(f"element {tag:#x} expected")


@dataclass(frozen=True)
class InitialToken:
    """NegTokenInit; ``mechanism_list`` is the DER that a mechListMIC is made over."""

    mechanisms: tuple[bytes, ...]
    mechanism_list: bytes
    token: bytes


@dataclass(frozen=True)
class ResponseToken:
    """NegTokenResp."""

    token: bytes
    integrity_code: bytes


def is_initial(data: bytes) -> bool:
    return data[:1] == b"\x60"


def parse_initial(data: bytes) -> InitialToken:
    """Raises SpnegoError when it is none."""
    parts = list(elements(_first(data, 0x60)))
    if len(parts) != 2 or parts[0] != (0x06, SPNEGO_OID) or parts[1][0] != 0xA0:
        raise SpnegoError("not a NegTokenInit")
    mechanism_list, token = b"", b""
    for tag, content in elements(_first(parts[1][1], 0x30)):
        if tag == 0xA0:
            mechanism_list = content
        elif tag == 0xA2:
            token = _first(content, 0x04)
    mechanisms = tuple(
        content for tag, content in elements(_first(mechanism_list, 0x30)) if tag == 0x06
    )
    return InitialToken(mechanisms, mechanism_list, token)


def parse_response(data: bytes) -> ResponseToken:
    """Raises SpnegoError when it is none."""
    token, code = b"", b""
    for tag, content in elements(_first(_first(data, 0xA1), 0x30)):
        if tag == 0xA2:
            token = _first(content, 0x04)
        elif tag == 0xA3:
            code = _first(content, 0x04)
    return ResponseToken(token, code)


def pack_response(
    state: int, mechanism: bytes = b"", token: bytes = b"", integrity_code: bytes = b""
) -> bytes:
    """A NegTokenResp of the parts that are not empty."""
    content = encode(0xA0, encode(0x0A, bytes([state])))
    if mechanism:
        content += encode(0xA1, encode(0x06, mechanism))
    if token:
        content += encode(0xA2, encode(0x04, token))
    if integrity_code:
        content += encode(0xA3, encode(0x04, integrity_code))
    return encode(0xA1, encode(0x30, content))


def strip_framing(token: bytes) -> bytes:
    """The AP-REQ without the GSS-API header ([RFC4121] 4.1), which MIT refuses in DCE style."""
    if token[:1] != b"\x60":
        return token
    content = _first(token, 0x60)
    header = encode(0x06, KERBEROS_OID) + b"\x01\x00"
    return content[len(header) :] if content.startswith(header) else token
