"""What a browser sends after ``Authorization: Negotiate`` (RFC 4559): SPNEGO, Kerberos or NTLM."""

from __future__ import annotations

import base64
import binascii

from assist.remote_assistance.der import DerError, content, elements, part, parts

LARGEST = 64 * 1024  # bytes; Windows' own largest ticket (MaxTokenSize) is 48,000
SPNEGO = bytes.fromhex("2b0601050502")
KERBEROS = bytes.fromhex("2a864886f712010202")
MICROSOFT_KERBEROS = bytes.fromhex("2a864882f712010202")  # [MS-SPNG] 3.1.5.2: one bit too few
NTLM = bytes.fromhex("2b06010401823702020a")
NTLM_SIGNATURE = b"NTLMSSP\x00"
_AP_REQ = b"\x01\x00"  # RFC 4121 4.1


class NotKerberos(ValueError):
    """The token is not one of Kerberos; ``is_ntlm`` where it is one of NTLM."""

    def __init__(self, text: str, *, is_ntlm: bool = False) -> None:
        super().__init__(text)
        self.is_ntlm = is_ntlm


def parse_header(text: str) -> bytes | None:
    """The token of an ``Authorization`` header; None where it is of another scheme.

    Raises:
        NotKerberos: It is too long or no base64.
    """
    scheme, _, encoded = text.strip().partition(" ")
    if scheme.lower() != "negotiate":
        return None
    if len(encoded) > LARGEST * 4 // 3:
        raise NotKerberos("the token is too long")
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error as error:
        raise NotKerberos("the token is no base64") from error


def kerberos_request(token: bytes) -> bytes:
    """The AP-REQ in a token: in SPNEGO (RFC 4178 4.2.1), or in the bare GSS-API form.

    Kerberos has to be the mechanism that the browser prefers: then its first token is here, and
    nothing is left to negotiate.

    Raises:
        NotKerberos: There is none.
    """
    if token.startswith(NTLM_SIGNATURE):
        raise NotKerberos("a bare NTLM token", is_ntlm=True)
    try:
        mechanism, inner = _framed(token)
        if mechanism == SPNEGO:
            return _negotiated(inner)
        return _request(mechanism, inner)
    except DerError as error:
        raise NotKerberos(str(error)) from error


def _framed(token: bytes) -> tuple[bytes, bytes]:
    """The mechanism of a GSS-API token and what follows it (RFC 2743 3.1)."""
    inside = content(token, 0x60)
    for tag, mechanism, whole in elements(inside):
        if tag == 0x06:
            return mechanism, inside[len(whole) :]
        break
    raise NotKerberos("a token without its mechanism")


def _negotiated(inner: bytes) -> bytes:
    initial = parts(content(inner, 0xA0), 0x30)
    offered = [each for _, each, _ in elements(content(part(initial, 0xA0), 0x30))]
    token = content(part(initial, 0xA2), 0x04) if 0xA2 in initial else b""
    if token.startswith(NTLM_SIGNATURE) or offered[:1] == [NTLM]:
        raise NotKerberos("NTLM in SPNEGO", is_ntlm=True)
    if not offered or offered[0] not in (KERBEROS, MICROSOFT_KERBEROS) or not token:
        raise NotKerberos("another mechanism is preferred to Kerberos")
    return _request(*_framed(token))


def _request(mechanism: bytes, inner: bytes) -> bytes:
    if mechanism not in (KERBEROS, MICROSOFT_KERBEROS) or not inner.startswith(_AP_REQ):
        raise NotKerberos("no AP-REQ of Kerberos")
    return inner[len(_AP_REQ) :]
