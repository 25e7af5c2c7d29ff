"""What a domain controller's certificate says, for a person who has to mend it."""

from __future__ import annotations

import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes

# ExtendedRequest of RFC 4511 4.14.1, as message 1, and how its answer with resultCode 0 goes on.
START_TLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
MOST_NAMES = 5
MOST_ANSWER_BYTES = 4096


def fetch_certificate(ip: str, port: int, *, is_ldaps: bool, seconds: float) -> bytes | None:
    """The certificate that a controller shows, whoever issued it. Nothing is sent to it then.

    Args:
        ip: Its address.
        port: Where it listens.
        is_ldaps: Whether TLS begins at once, or after StartTLS is asked for.
        seconds: For each step.

    Returns:
        In DER; None when it shows none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # looked at and shown, never trusted
    try:
        with socket.create_connection((ip, port), timeout=seconds) as raw:
            if not is_ldaps:
                raw.sendall(START_TLS)
                raw.recv(MOST_ANSWER_BYTES)
            with context.wrap_socket(raw) as wrapped:
                return wrapped.getpeercert(binary_form=True)
    except OSError:
        return None


def describe_certificate(raw: bytes) -> str:
    """Subject, issuer, names, validity and fingerprint in one sentence.

    Args:
        raw: In DER.
    """
    digest = hashes.Hash(hashes.SHA256())
    digest.update(raw)
    fingerprint = digest.finalize().hex(":").upper()
    try:
        certificate = x509.load_der_x509_certificate(raw)
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        names = _names(certificate)
        return (
            f"It is for {certificate.subject.rfc4514_string() or '(no subject)'}"
            f"{f' ({names})' if names else ''}, issued by "
            f"{certificate.issuer.rfc4514_string() or '(nobody)'}, valid from {begins:%Y-%m-%d} "
            f"to {ends:%Y-%m-%d %H:%M} UTC, SHA-256 {fingerprint}."
        )
    except ValueError:
        return f"It cannot be read; SHA-256 {fingerprint}."


def _names(certificate: x509.Certificate) -> str:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ""
    names = found.value.get_values_for_type(x509.DNSName)
    more = ", ..." if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
