"""Signed checkpoints: what stands in them, how they are signed, how they are read.

Ed25519 (RFC 8032). docs/audit-format.md has the format for those who check without the portal.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from assist.errors import CheckpointRefused, NotConfigured

FORMAT = "audit-checkpoint-1"
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Checkpoint:
    """What the chain was at a moment.

    Attributes:
        position: Its last position, 0 while it was empty.
        hash: The hash there.
        at: When, an aware time.
    """

    position: int
    hash: str
    at: datetime


def new_key() -> str:
    """A new private key, in PEM (PKCS #8)."""
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode("ascii")
    )


def parse_private_key(pem: str) -> Ed25519PrivateKey:
    """The private key of a PEM text.

    Raises:
        NotConfigured: It is no Ed25519 key.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise NotConfigured(
            "AUDIT_CHECKPOINT_KEY is not an Ed25519 key in PEM.",
            remedy="Make one with `manage.py audit_key`.",
        )
    return key


def parse_public_key(pem: str) -> Ed25519PublicKey:
    """The public key of a PEM text.

    Raises:
        CheckpointRefused: It is no Ed25519 key.
    """
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise CheckpointRefused(
            "The public key is not an Ed25519 key in PEM.",
            remedy="Take what `manage.py audit_key --public` prints.",
        )
    return key


def public_pem(key: Ed25519PublicKey) -> str:
    """A public key in PEM."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode("ascii")


def key_id(key: Ed25519PublicKey) -> str:
    """Tells keys apart: the first 16 hexadecimal digits of the SHA-256 of the 32 bytes."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The checkpoint as one line of JSON, without a line feed."""
    document = {
        "format": FORMAT,
        "position": checkpoint.position,
        "hash": checkpoint.hash,
        "at": checkpoint.at.isoformat(),
        "key": key_id(key.public_key()),
    }
    signature = base64.b64encode(key.sign(_signed(document))).decode("ascii")
    return json.dumps(document | {"signature": signature})


def read_checkpoints(lines: Iterable[str], key: Ed25519PublicKey) -> list[Checkpoint]:
    """The checkpoints of a file, each with its signature checked.

    Args:
        lines: One checkpoint each; empty ones are passed over.
        key: Whose signature each must bear.

    Raises:
        CheckpointRefused: A line is not a checkpoint, or not signed by this key.
    """
    return [_read(line, number, key) for number, line in enumerate(lines, start=1) if line.strip()]


def _read(line: str, number: int, key: Ed25519PublicKey) -> Checkpoint:
    where = f"Line {number} of the checkpoints"
    remedy = "Take the file from where it was written, whole."
    try:
        document = json.loads(line)
        if document["format"] != FORMAT or not _HASH.fullmatch(document["hash"]):
            raise ValueError(document["format"])
        if type(document["position"]) is not int or document["position"] < 0:
            raise ValueError(document["position"])
        at = datetime.fromisoformat(document["at"])
        signature = base64.b64decode(document["signature"], validate=True)
        content = _signed(document)
        signer = document["key"]
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise CheckpointRefused(f"{where} is not a checkpoint.", remedy=remedy) from None
    try:
        key.verify(signature, content)
    except InvalidSignature:
        if signer != key_id(key):
            raise CheckpointRefused(
                f"{where} was signed by the key {signer}, not by {key_id(key)}.",
                remedy="Give the public key that belongs to the checkpoints.",
            ) from None
        raise CheckpointRefused(
            f"{where} was changed after it was signed.", remedy=remedy
        ) from None
    return Checkpoint(document["position"], document["hash"], at)


def _signed(document: Mapping[str, Any]) -> bytes:
    lines = (document[name] for name in ("format", "position", "hash", "at", "key"))
    return "".join(f"{line}\n" for line in lines).encode("utf-8")
