"""What is sealed opens with its key and for what it was sealed for, and in no other case."""

from __future__ import annotations

import os

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from assist.authority.sealing import CannotOpen, derive_key, parse_key, seal, unseal

KEY, OTHER = os.urandom(32), os.urandom(32)


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_was_sealed_comes_back(content: bytes, bound_to: str) -> None:
    assert unseal([OTHER, KEY], seal(KEY, content, bound_to), bound_to) == content


def test_two_seals_of_the_same_are_not_alike() -> None:
    assert seal(KEY, b"ticket", "offer") != seal(KEY, b"ticket", "offer")


@pytest.mark.parametrize(
    ("keys", "bound_to"), [([OTHER], "offer"), ([], "offer"), ([KEY], "another offer")]
)
def test_another_key_or_another_purpose_opens_nothing(keys: list[bytes], bound_to: str) -> None:
    with pytest.raises(CannotOpen):
        unseal(keys, seal(KEY, b"ticket", "offer"), bound_to)


def test_a_changed_byte_anywhere_opens_nothing() -> None:
    sealed = seal(KEY, b"ticket", "offer")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(CannotOpen):
            unseal([KEY], bytes(changed), "offer")
    for end in range(len(sealed)):
        with pytest.raises(CannotOpen):
            unseal([KEY], sealed[:end], "offer")


def test_a_key_of_two_halves_needs_both() -> None:
    whole = derive_key(b"half" * 8, b"salt", "purpose")
    assert whole != derive_key(b"Half" * 8, b"salt", "purpose")
    assert whole != derive_key(b"half" * 8, b"Salt", "purpose")
    assert whole != derive_key(b"half" * 8, b"salt", "Purpose")


def test_keys_are_those_that_the_command_prints() -> None:
    assert len(parse_key(Fernet.generate_key().decode())) == 32
    for wrong in ("", "AAAA", "not base64 at all"):
        with pytest.raises(ValueError, match=r"base64|bytes"):
            parse_key(wrong)
