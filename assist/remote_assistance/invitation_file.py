"""Invitation files (``.msrcIncident``), one writer for each form.

Neither form has met a real Windows computer here; docs/accuracy.md says what was run.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from xml.sax.saxutils import quoteattr

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from assist.remote_assistance.connection_string import ConnectionString

# Without the letters and digits that are mistaken for each other when read aloud.
PASSWORD_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # noqa: S105 - an alphabet
PASSWORD_LENGTH = 12
_BLOCK_BITS = 128


def new_password() -> str:
    """A random password of 60 bits, in characters that can be read aloud."""
    return "".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(PASSWORD_LENGTH))


def derive_key(password: str) -> bytes:
    """The AES-128 key of a password: Windows' CryptDeriveKey with SHA-1.

    Source: [MS-RAI] 6 (LHTICKET), Microsoft's documentation of CryptDeriveKey.
    """
    digest = hashlib.sha1(password.encode("utf-16-le"), usedforsecurity=False).digest()
    halves = []
    for filler in (0x36, 0x5C):
        pad = bytes(filler ^ (digest[i] if i < len(digest) else 0) for i in range(64))
        halves.append(hashlib.sha1(pad, usedforsecurity=False).digest())
    return b"".join(halves)[:16]


def encrypt(connection_string: str, password: str) -> bytes:
    """LHTICKET: connection string 2 in UTF-16, AES-128-CBC, zero IV, PKCS#7 padding."""
    padder = PKCS7(_BLOCK_BITS).padder()
    plain = padder.update(connection_string.encode("utf-16-le")) + padder.finalize()
    encryptor = _cipher(password).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def decrypt(ticket: bytes, password: str) -> str:
    """The connection string in an LHTICKET.

    Raises:
        ValueError: The password is wrong or the ticket is damaged.
    """
    decryptor = _cipher(password).decryptor()
    padded = decryptor.update(ticket) + decryptor.finalize()
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode("utf-16-le")


def _cipher(password: str) -> Cipher[modes.CBC]:
    # The format fixes the zero IV; each password is random and used for one file.
    return Cipher(algorithms.AES128(derive_key(password)), modes.CBC(bytes(16)))


def write_freerdp(
    connection_string: ConnectionString,
    password: str,
    novice_name: str,
    now: datetime,
    lifetime: timedelta,
) -> bytes:
    """A type 2 file, which FreeRDP opens with the password.

    Of connection string 1 it becomes a type 1 file: the form has no place for a password there.

    Args:
        connection_string: What the novice's computer returned.
        password: From :func:`new_password`.
        novice_name: Shown by the viewer.
        now: When the invitation begins, an aware time.
        lifetime: How long it lasts; the file counts whole minutes.
    """
    if connection_string.version == 1:
        return write_windows(connection_string, novice_name, now, lifetime)
    return _file(
        {
            "USERNAME": novice_name,
            "LHTICKET": encrypt(connection_string.raw, password).hex().upper(),
            "RCTICKET": connection_string.to_version_1(),
            "PassStub": secrets.token_hex(7).upper(),
            "RCTICKETENCRYPTED": "1",
        },
        now,
        lifetime,
    )


def write_windows(
    connection_string: ConnectionString,
    novice_name: str,
    now: datetime,
    lifetime: timedelta,
) -> bytes:
    """A type 1 file without a password, which Windows Remote Assistance opens.

    Args:
        connection_string: What the novice's computer returned.
        novice_name: Shown by the viewer.
        now: When the invitation begins, an aware time.
        lifetime: How long it lasts; the file counts whole minutes.

    Raises:
        BadAnswer: The computer listens on no IPv4 address.
    """
    return _file(
        {
            "USERNAME": novice_name,
            "RCTICKET": connection_string.to_version_1(),
            "PassStub": "",
            "RCTICKETENCRYPTED": "0",
        },
        now,
        lifetime,
    )


def _file(attributes: dict[str, str], now: datetime, lifetime: timedelta) -> bytes:
    minutes = max(1, -(-int(lifetime.total_seconds()) // 60))
    attributes |= {"DtStart": str(int(now.timestamp())), "DtLength": str(minutes), "L": "0"}
    written = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
    return (
        f'<?xml version="1.0"?><UPLOADINFO TYPE="Escalated"><UPLOADDATA {written}/></UPLOADINFO>'
    ).encode()
