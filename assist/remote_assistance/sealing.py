"""Opens sealed answers under Kerberos, and checks what impacket leaves unchecked.

Each answer must come from the acceptor, be sealed, be whole, and carry the next sequence number:
one recorded earlier on the connection is refused (RFC 4121 4.2, RFC 4757 7.3, [MS-KILE] 3.4.5.4).
"""

from __future__ import annotations

import hmac
import struct
from hashlib import md5
from typing import Any

from Cryptodome.Cipher import ARC4
from impacket.krb5.crypto import InvalidChecksum

from assist.remote_assistance.errors import BadAnswer

TRAILER_SIZE = 8
SENT_BY_ACCEPTOR, SEALED = 0x01, 0x02
ACCEPTOR_SEAL = 22  # key usage of RFC 4121 2
TOKEN_SIZE = 16
RC4_FRAME = 13  # the framing that names the mechanism
RC4_TOKEN_SIZE = RC4_FRAME + 32
RC4_SALT = 13  # of a Wrap token's checksum
FROM_ACCEPTOR = b"\xff" * 4
CHANGED = "The computer's answer was changed on its way."
REPEATED = "The computer's answer is out of order: it was recorded or held back on its way."


class CheckedSealing:
    """Stands where impacket keeps its own: wraps as that does, unwraps with every check.

    Args:
        inner: impacket's object for the session key's cipher.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._next: int | None = None  # the acceptor chooses where it begins

    # impacket's names and arguments
    def GSS_Wrap(self, key: Any, data: bytes, sequence: int, *rest: Any) -> Any:  # noqa: N802
        return self._inner.GSS_Wrap(key, data, sequence, *rest)

    def GSS_Unwrap(  # noqa: N802
        self,
        sessionKey: Any,  # noqa: N803
        data: bytes,
        sequenceNumber: int,  # noqa: N803
        direction: str = "init",
        encrypt: bool = True,
        authData: bytes = b"",  # noqa: N803
    ) -> tuple[bytes, None]:
        """Opens one answer.

        Raises:
            BadAnswer: It is not what the computer sealed as its next one.
        """
        token = authData[TRAILER_SIZE:]
        if hasattr(self._inner, "cipherType"):
            plain, sequence = _open_aes(self._inner.cipherType(), sessionKey, data, token)
        else:
            plain, sequence = _open_rc4(sessionKey.contents, data, token)
        if self._next is not None and sequence != self._next:
            raise BadAnswer(REPEATED)
        self._next = sequence + 1
        return plain, None


def _open_aes(cipher: Any, key: Any, data: bytes, token: bytes) -> tuple[bytes, int]:
    """A Wrap token of RFC 4121 4.2.6.2 in DCE style: the rotated part lies beside the data."""
    if len(token) < TOKEN_SIZE or token[:2] != b"\x05\x04" or token[3] != 0xFF:
        raise BadAnswer(CHANGED)
    flags, extra, rotation = token[2], *struct.unpack_from(">HH", token, 4)
    if flags & (SENT_BY_ACCEPTOR | SEALED) != SENT_BY_ACCEPTOR | SEALED:
        raise BadAnswer("The computer's answer is not sealed.")
    rotated = token[TOKEN_SIZE:] + data
    turn = (rotation + extra) % len(rotated) if rotated else 0
    try:
        plain = bytes(cipher.decrypt(key, ACCEPTOR_SEAL, rotated[turn:] + rotated[:turn]))
    except (InvalidChecksum, ValueError) as error:
        raise BadAnswer(CHANGED) from error
    # The copy of the head inside has no rotation; it is what the checksum protects.
    if len(plain) < TOKEN_SIZE + extra or plain[-TOKEN_SIZE:] != (
        token[:6] + bytes(2) + token[8:TOKEN_SIZE]
    ):
        raise BadAnswer(CHANGED)
    (sequence,) = struct.unpack_from(">Q", token, 8)
    return plain[: len(plain) - TOKEN_SIZE - extra], sequence


def _open_rc4(key: bytes, data: bytes, token: bytes) -> tuple[bytes, int]:
    """A Wrap token of RFC 4757 7.3, which Windows XP and Server 2003 use."""
    if len(token) < RC4_TOKEN_SIZE or token[0] != 0x60:
        raise BadAnswer(CHANGED)
    head, sealed_sequence, checksum, confounder = struct.unpack_from("8s8s8s8s", token, RC4_FRAME)
    if head != b"\x02\x01\x11\x00\x10\x00\xff\xff":
        raise BadAnswer("The computer's answer is not sealed.")
    sequence_key = _hmac(_hmac(key, bytes(4)), checksum)
    number = ARC4.new(sequence_key).decrypt(sealed_sequence)
    if number[4:] != FROM_ACCEPTOR:
        raise BadAnswer(CHANGED)
    local = bytes(byte ^ 0xF0 for byte in key)
    plain = ARC4.new(_hmac(_hmac(local, bytes(4)), number[:4])).decrypt(confounder + data)
    digest = md5(struct.pack("<I", RC4_SALT) + head + plain, usedforsecurity=False).digest()
    if not hmac.compare_digest(_hmac(_hmac(key, b"signaturekey\0"), digest)[:8], checksum):
        raise BadAnswer(CHANGED)
    return plain[8:], int.from_bytes(number[:4], "big")


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "md5").digest()
