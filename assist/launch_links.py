"""Launch links of the authority *handoff*, and the key that signs them.

``remote-assistance-portal:launch?v=1&offer=ID&computer=DNSNAME&expires=UNIX&token=T&signature=S``

The signature is ECDSA over P-256 with SHA-256, of the bytes between ``?`` and ``&signature=``, as
the 64 bytes of r and s, in base64 for URLs without padding: what .NET Framework's ``ECDsaCng``
verifies. The launcher holds the public key as Windows' ``BCRYPT_ECCPUBLIC_BLOB``. The signature
keeps other pages from making the launcher do anything at all; that a link is used once and in time
is the portal's to say, which the launcher asks back.
"""

from __future__ import annotations

import base64
import re
import struct
import uuid
from datetime import datetime
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from django.conf import settings

from assist.errors import NotConfigured

SCHEME = "remote-assistance-portal"
# Letters, digits and hyphens in labels ([RFC1123] 2.1): nothing that a command line could misread.
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_COMPUTER = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
_ECS1 = 0x31534345  # BCRYPT_ECDSA_PUBLIC_P256_MAGIC
_SIZE = 32  # bytes of a coordinate on P-256


def is_launchable(computer: str) -> bool:
    """Whether a name may stand on the command line of msra.exe: a DNS name, nothing else."""
    return len(computer) <= 253 and _COMPUTER.fullmatch(computer) is not None


def launch_link(offer_id: uuid.UUID, computer: str, token: str, expires_at: datetime) -> str:
    """A signed link.

    Args:
        offer_id: Whose link it is.
        computer: DNS name of the novice's computer.
        token: The launch token.
        expires_at: An aware time.

    Raises:
        NotConfigured: There is no key to sign with.
        ValueError: The name may not stand on a command line.
    """
    if not is_launchable(computer):
        raise ValueError(f"{computer!r} may not stand on a command line")
    signed = urlencode(
        {
            "v": 1,
            "offer": str(offer_id),
            "computer": computer,
            "expires": int(expires_at.timestamp()),
            "token": token,
        }
    )
    return f"{SCHEME}:launch?{signed}&signature={_sign(signed.encode('ascii'))}"


def _sign(data: bytes) -> str:
    r, s = decode_dss_signature(signing_key().sign(data, ec.ECDSA(hashes.SHA256())))
    raw = r.to_bytes(_SIZE, "big") + s.to_bytes(_SIZE, "big")
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def signing_key() -> ec.EllipticCurvePrivateKey:
    """The portal's key.

    Raises:
        NotConfigured: ``LAUNCH_SIGNING_KEY`` is empty, or no P-256 key in PEM.
    """
    try:
        key = serialization.load_pem_private_key(settings.LAUNCH_SIGNING_KEY.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise NotConfigured(
            "LAUNCH_SIGNING_KEY holds no key that launch links could be signed with.",
            remedy="Make one with `python manage.py launch_key` and set LAUNCH_SIGNING_KEY_FILE.",
        )
    return key


def new_signing_key() -> str:
    """A new key, in PEM."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode("ascii")
    )


def public_key_blob() -> bytes:
    """The public key as ``CngKey.Import`` takes it: BCRYPT_ECCKEY_BLOB, X and Y big-endian.

    Raises:
        NotConfigured: There is no key.
    """
    numbers = signing_key().public_key().public_numbers()
    header = struct.pack("<II", _ECS1, _SIZE)
    return header + numbers.x.to_bytes(_SIZE, "big") + numbers.y.to_bytes(_SIZE, "big")
