"""Which domain controllers are believed, and whose passwords get there."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from directory.configuration import connection_settings
from directory.controllers import controller_addresses
from directory.ldap.connection import ServerAddress, close_connection, open_connection
from directory.ldap.errors import CertificateRefused, CredentialsRefused, DirectoryUnavailable
from directory.ldap.search import read_one
from tests.fixtures_directory import Sockets

CONTROLLER = ServerAddress("dc1.r2.local", "127.0.10.1")


@pytest.fixture
def other_authority(tmp_path: Path) -> str:
    """A certificate authority that issued nothing here."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Another authority")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "other.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return str(path)


@pytest.mark.lab
@pytest.mark.parametrize("tls", ["ldaps", "starttls"])
def test_a_controller_with_the_right_certificate_answers(lab_domain: object, tls: str) -> None:
    settings = replace(connection_settings(), tls="starttls" if tls == "starttls" else "ldaps")
    connection = open_connection(settings, [CONTROLLER])
    try:
        root = read_one(connection, "", ["defaultNamingContext"])
        assert root.text("defaultNamingContext") == "DC=r2,DC=local"
    finally:
        close_connection(connection)


@pytest.mark.lab
@pytest.mark.parametrize("tls", ["ldaps", "starttls"])
def test_a_certificate_of_another_authority_is_refused(
    lab_domain: object, other_authority: str, tls: str
) -> None:
    settings = replace(
        connection_settings(),
        ca_file=other_authority,
        tls="starttls" if tls == "starttls" else "ldaps",
    )
    with pytest.raises(CertificateRefused) as refusal:
        open_connection(settings, [CONTROLLER])
    sentence = refusal.value.sentence
    assert "unable to get local issuer certificate" in sentence
    assert "CN=dc1.r2.local" in sentence
    assert "issued by CN=R2 lab authority" in sentence
    shown = ssl.get_server_certificate((CONTROLLER.ip, 636))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest().upper()
    assert digest in sentence.replace(":", "")
    assert "DIRECTORY_CA_FILE" in refusal.value.remedy


@pytest.mark.lab
@pytest.mark.parametrize("name", ["dc2.r2.local", "127.0.10.2", "dc1.r2.local.evil.example"])
def test_a_certificate_for_another_name_is_refused(lab_domain: object, name: str) -> None:
    with pytest.raises(CertificateRefused) as refusal:
        open_connection(connection_settings(), [ServerAddress(name, CONTROLLER.ip)])
    assert name in refusal.value.sentence
    assert "(dc1.r2.local, r2.local)" in refusal.value.sentence


@pytest.mark.parametrize("content", [None, "", "not a certificate"])
def test_a_missing_or_broken_authority_file_stops_before_the_network(
    tmp_path: Path, content: str | None, sockets: Sockets
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CertificateRefused):
        open_connection(replace(connection_settings(), ca_file=str(path)), [CONTROLLER])
    assert sockets.contacts == []


@pytest.mark.lab
def test_the_next_controller_is_tried_when_one_is_off(lab_domain: object) -> None:
    off = ServerAddress("dc9.r2.local", "127.0.10.99")
    close_connection(open_connection(connection_settings(), [off, CONTROLLER]))
    with pytest.raises(DirectoryUnavailable):
        open_connection(connection_settings(), [off])


@pytest.mark.parametrize(("user", "password"), [("R2\\mjones", ""), ("", "secret"), ("", "")])
def test_an_empty_name_or_password_never_binds(sockets: Sockets, user: str, password: str) -> None:
    with pytest.raises(CredentialsRefused):
        open_connection(connection_settings(), [CONTROLLER], user=user, password=password)
    assert sockets.contacts == []


@pytest.mark.lab
def test_controllers_are_found_by_dns_when_none_is_named(lab_domain: object) -> None:
    found = controller_addresses(replace(connection_settings(), servers=()))
    assert CONTROLLER in found


@pytest.mark.lab
def test_a_name_server_that_is_off_is_told_apart(lab_domain: object) -> None:
    nobody = replace(
        connection_settings(), dns_servers=("127.0.10.99",), connect_timeout_seconds=0.5
    )
    with pytest.raises(Exception, match="DNS servers"):
        controller_addresses(nobody)


def test_the_password_is_not_in_what_the_settings_show() -> None:
    settings = connection_settings()
    assert settings.bind_password not in repr(settings)


@pytest.mark.parametrize(
    ("user", "principal"),
    [
        ("reader", "reader@R2.LOCAL"),
        (r"R2\reader", "reader@R2.LOCAL"),
        ("reader@r2.local", "reader@R2.LOCAL"),
    ],
)
def test_the_reading_account_as_a_kerberos_principal(user: str, principal: str) -> None:
    assert replace(connection_settings(), bind_user=user).bind_principal == principal
