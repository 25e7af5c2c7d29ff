"""Authenticated encryption that binds what is sealed to what it is for (AES-256-GCM)."""

from __future__ import annotations

import binascii
import os
from base64 import urlsafe_b64decode
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_SIZE = 32
NONCE_SIZE = 12
VERSION = b"\x01"


class CannotOpen(Exception):
    """Another key, another binding, or not what was sealed."""


def parse_key(text: str) -> bytes:
    """A key as settings hold it: 32 bytes in URL-safe base64, as Fernet's.

    Raises:
        ValueError: It is none.
    """
    try:
        key = urlsafe_b64decode(text)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(key) != KEY_SIZE:
        raise ValueError(f"{len(key)} bytes instead of {KEY_SIZE}")
    return key


def derive_key(secret: bytes, salt: bytes, purpose: str) -> bytes:
    """A key for one purpose from two secrets; either alone does not give it (HKDF, RFC 5869)."""
    kdf = HKDF(algorithm=hashes.SHA256(), length=KEY_SIZE, salt=salt, info=purpose.encode())
    return kdf.derive(secret)


def seal(key: bytes, content: bytes, bound_to: str) -> bytes:
    """Encrypt.

    Args:
        key: 32 bytes.
        content: What is kept secret.
        bound_to: What it is for; it only opens together with the same text.
    """
    nonce = os.urandom(NONCE_SIZE)
    return VERSION + nonce + AESGCM(key).encrypt(nonce, content, bound_to.encode())


def unseal(keys: Sequence[bytes], sealed: bytes, bound_to: str) -> bytes:
    """Decrypt by the first key that fits.

    Raises:
        CannotOpen: None does.
    """
    if sealed[:1] != VERSION:
        raise CannotOpen
    nonce, encrypted = sealed[1 : 1 + NONCE_SIZE], sealed[1 + NONCE_SIZE :]
    for key in keys:
        try:
            return AESGCM(key).decrypt(nonce, encrypted, bound_to.encode())
        except (InvalidTag, ValueError):
            continue
    raise CannotOpen
