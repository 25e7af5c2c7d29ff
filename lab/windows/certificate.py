"""The certificate key that a connection string vouches for."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def key_hash(home: Path | None) -> str:
    """KH of connection string 2: base64 of the SHA-1 of the server certificate's public key.

    Args:
        home: Where freerdp-shadow keeps its certificate; None, or without one, for a new key.
    """
    key: object = None
    if home is not None:
        for file in sorted(home.rglob("*.crt")):
            key = x509.load_pem_x509_certificate(file.read_bytes()).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    blob = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    # The format asks for SHA-1; it is no secret that rests on it.
    return base64.b64encode(hashlib.sha1(blob, usedforsecurity=False).digest()).decode()
