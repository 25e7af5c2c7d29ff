"""The certificate key that a connection string vouches for."""

from __future__ import annotations

import base64
import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass(frozen=True)
class KeyHashes:
    """KH and KH2 of connection string 2: base64 of hashes of the server certificate's key."""

    sha1: str
    sha256: str


@functools.cache
def _shared_key() -> rsa.RSAPublicKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()


def key_hashes(home: Path | None) -> KeyHashes:
    """The hashes of a computer's key.

    Args:
        home: Where freerdp-shadow keeps its certificate; None, or without one, for a key that all
            computers of the process share: making one takes as long as an offer.
    """
    key: object = None
    if home is not None:
        for file in sorted(home.rglob("*.crt")):
            key = x509.load_pem_x509_certificate(file.read_bytes()).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        key = _shared_key()
    blob = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    # The format asks for SHA-1; it is no secret that rests on it.
    sha1 = hashlib.sha1(blob, usedforsecurity=False).digest()
    sha256 = hashlib.sha256(blob).digest()
    return KeyHashes(base64.b64encode(sha1).decode(), base64.b64encode(sha256).decode())
