"""Sealed answers under Kerberos: only the computer's next one, whole and unchanged, is opened."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable
from hashlib import md5

import pytest
from Cryptodome.Cipher import ARC4
from hypothesis import given
from hypothesis import strategies as st
from impacket.krb5.crypto import _AES256CTS, Key
from impacket.krb5.gssapi import GSSAPI_AES256, GSSAPI_RC4

from assist.remote_assistance import errors
from assist.remote_assistance.sealing import CheckedSealing

AES_KEY = Key(_AES256CTS.enctype, bytes(range(32)))
RC4_KEY = Key(23, bytes(range(16)))
TRAILER = struct.pack("<BBBBI", 9, 6, 0, 0, 1)
ACCEPTOR_SEAL, INITIATOR_SEAL = 22, 24
STUB = b"sixteen bytes on" * 3
Sealed = tuple[bytes, bytes]


def seal_aes(plain: bytes, sequence: int, *, flags: int = 7, usage: int = ACCEPTOR_SEAL) -> Sealed:
    """What an acceptor sends in DCE style (RFC 4121 4.2.4, [MS-KILE] 3.4.5.4.1): token and data."""
    head = struct.pack(">HBBHHQ", 0x0504, flags, 0xFF, 0, 0, sequence)
    sealed = _AES256CTS.encrypt(AES_KEY, usage, plain + head, None)
    rotated = sealed[-28:] + sealed[:-28]
    return head[:6] + struct.pack(">H", 28) + head[8:] + rotated[:44], rotated[44:]


def seal_rc4(plain: bytes, sequence: int, *, direction: bytes = b"\xff" * 4) -> Sealed:
    """The same of RFC 4757 7.3: written from the document, for an acceptor."""

    def keyed(key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, "md5").digest()

    key, confounder = RC4_KEY.contents, b"confound"
    head = bytes.fromhex("0201 1100 1000 ffff")
    signing = keyed(key, b"signaturekey\0")
    digest = md5(struct.pack("<I", 13) + head + confounder + plain, usedforsecurity=False).digest()
    checksum = keyed(signing, digest)[:8]
    number = struct.pack(">I", sequence)
    local = bytes(byte ^ 0xF0 for byte in key)
    cipher = ARC4.new(keyed(keyed(local, bytes(4)), number))
    sealed = cipher.encrypt(confounder + plain)
    hidden = ARC4.new(keyed(keyed(key, bytes(4)), checksum)).encrypt(number + direction)
    framing = bytes.fromhex("602b06092a864886f712010202")
    return framing + head + hidden + checksum + sealed[:8], sealed[8:]


KINDS = {
    "AES": (GSSAPI_AES256, AES_KEY, seal_aes),
    "RC4": (GSSAPI_RC4, RC4_KEY, seal_rc4),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


class Opening:
    """The client's side of one connection."""

    def __init__(self, kind: str) -> None:
        inner, self._key, self.seal = KINDS[kind]
        self._sealing = CheckedSealing(inner())
        self.seal: Callable[..., Sealed]

    def open(self, sealed: Sealed) -> bytes:
        token, data = sealed
        plain, _ = self._sealing.GSS_Unwrap(self._key, data, 1, authData=TRAILER + token)
        return plain


@every_kind
@pytest.mark.parametrize("first", [0, 1, 77])
def test_answers_in_order_are_opened_wherever_the_computer_begins(kind: str, first: int) -> None:
    opening = Opening(kind)
    for sequence in range(first, first + 3):
        assert opening.open(opening.seal(STUB, sequence)) == STUB


@every_kind
@pytest.mark.parametrize("then", [4, 3, 6])
def test_an_answer_recorded_or_held_back_is_refused(kind: str, then: int) -> None:
    opening = Opening(kind)
    opening.open(opening.seal(STUB, 4))
    with pytest.raises(errors.BadAnswer, match="out of order"):
        opening.open(opening.seal(STUB, then))


@pytest.mark.parametrize("kind", KINDS)
@given(at=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_no_bit_of_an_answer_can_be_changed(kind: str, at: int, bit: int) -> None:
    opening = Opening(kind)
    token, data = opening.seal(STUB, 4)
    opening.open((token, data))
    token, data = opening.seal(STUB, 5)
    whole = bytearray(token + data)
    at %= len(whole)
    if kind == "RC4" and at < 13:
        return  # the framing names the mechanism and is covered by nothing
    whole[at] ^= 1 << bit
    changed = (bytes(whole[: len(token)]), bytes(whole[len(token) :]))
    try:
        opened = opening.open(changed)
    except errors.BadAnswer:
        return
    else:
        assert opened == STUB  # a bit that stands for nothing, as in the rotation's count


@every_kind
def test_a_request_sent_back_is_no_answer(kind: str) -> None:
    opening = Opening(kind)
    reflected = (
        seal_aes(STUB, 0, flags=6) if kind == "AES" else seal_rc4(STUB, 0, direction=bytes(4))
    )
    with pytest.raises(errors.BadAnswer):
        opening.open(reflected)


@every_kind
@pytest.mark.parametrize("size", [0, 5, 16, 40])
def test_a_token_that_ends_too_early_is_refused(kind: str, size: int) -> None:
    opening = Opening(kind)
    token, data = opening.seal(STUB, 0)
    with pytest.raises(errors.BadAnswer):
        opening.open((token[:size], data))


def test_an_answer_that_is_signed_only_is_refused() -> None:
    with pytest.raises(errors.BadAnswer, match="not sealed"):
        Opening("AES").open(seal_aes(STUB, 0, flags=5))


def test_what_impacket_seals_under_rc4_is_what_the_document_says() -> None:
    """So that the test's own sealing is not the only witness: impacket's, by the initiator."""
    data, token = GSSAPI_RC4().GSS_Wrap(RC4_KEY, STUB, 3)
    confounder_at = 13 + 24
    local = bytes(byte ^ 0xF0 for byte in RC4_KEY.contents)
    key = hmac.new(local, bytes(4), "md5").digest()
    key = hmac.new(key, struct.pack(">I", 3), "md5").digest()
    plain = ARC4.new(key).decrypt(token[confounder_at : confounder_at + 8] + data)
    assert plain[8:] == STUB
