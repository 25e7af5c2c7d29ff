"""The reading account binds with its keytab, inside TLS and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from directory.configuration import connection_settings
from directory.ldap import DirectoryConnectionSettings
from directory.ldap.connection import (
    LdapConnection,
    ServerAddress,
    close_connection,
    open_connection,
)
from directory.ldap.errors import CertificateRefused, CredentialsRefused, DirectoryUnavailable
from directory.ldap.search import search
from tests.conftest import Lab
from tests.fixtures_directory import Sockets

CONTROLLER = ServerAddress("dc1.r2.local", "127.0.10.1")
pytestmark = pytest.mark.lab


@pytest.fixture
def by_keytab(lab_domain: Lab) -> DirectoryConnectionSettings:
    return replace(
        connection_settings(),
        bind_method="kerberos",
        bind_password="",
        keytab_file=str(lab_domain.directory / "keytabs" / "svc-ra-directory.keytab"),
    )


def can_read(connection: LdapConnection) -> bool:
    found = list(search(connection, "DC=r2,DC=local", "(sAMAccountName=XP191$)", ["cn"]))
    return [entry.text("cn") for entry in found] == ["XP191"]


@pytest.mark.parametrize("tls", ["ldaps", "starttls"])
def test_the_reading_account_binds_with_its_keytab(
    by_keytab: DirectoryConnectionSettings, tls: str
) -> None:
    settings = replace(by_keytab, tls="starttls" if tls == "starttls" else "ldaps")
    connection = open_connection(settings, [CONTROLLER])
    try:
        assert can_read(connection)
    finally:
        close_connection(connection)


def test_whoever_signs_in_binds_with_a_password_all_the_same(
    by_keytab: DirectoryConnectionSettings,
) -> None:
    with pytest.raises(CredentialsRefused) as refusal:
        open_connection(by_keytab, [CONTROLLER], user="mjones@r2.local", password="wrong")
    assert refusal.value.sub_code == "52e"
    with pytest.raises(CredentialsRefused):
        open_connection(by_keytab, [CONTROLLER], user="mjones@r2.local", password="")


def test_no_ticket_is_shown_to_a_controller_that_is_not_believed(
    by_keytab: DirectoryConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("directory.ldap.kerberos._begin", lambda *given: asked.append(given))
    with pytest.raises(CertificateRefused):
        open_connection(by_keytab, [ServerAddress("dc2.r2.local", CONTROLLER.ip)])
    assert asked == []


@pytest.mark.parametrize("content", [b"", b"not a keytab"])
def test_a_broken_keytab_is_refused_with_the_name_of_its_account(
    by_keytab: DirectoryConnectionSettings, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "keytab"
    path.write_bytes(content)
    with pytest.raises(CredentialsRefused) as refusal:
        open_connection(replace(by_keytab, keytab_file=str(path)), [CONTROLLER])
    assert "svc-ra-directory@R2.LOCAL" in refusal.value.sentence
    assert refusal.value.remedy


Broken = Callable[[DirectoryConnectionSettings], DirectoryConnectionSettings]


def of_nobody(settings: DirectoryConnectionSettings) -> DirectoryConnectionSettings:
    return replace(settings, bind_user="nobody@r2.local")


def of_another_account(settings: DirectoryConnectionSettings) -> DirectoryConnectionSettings:
    keytab = Path(settings.keytab_file).with_name("svc-ra-portal.keytab")
    return replace(settings, keytab_file=str(keytab))


@pytest.mark.parametrize("broken", [of_nobody, of_another_account])
def test_a_keytab_of_somebody_else_does_not_help(
    by_keytab: DirectoryConnectionSettings, broken: Broken
) -> None:
    with pytest.raises(CredentialsRefused, match="ticket"):
        open_connection(broken(by_keytab), [CONTROLLER])


def test_a_realm_without_kerberos_servers_is_told_apart(
    by_keytab: DirectoryConnectionSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configuration = tmp_path / "krb5.conf"
    configuration.write_text("[libdefaults]\ndns_lookup_kdc = false\n[realms]\n")
    monkeypatch.setenv("KRB5_CONFIG", str(configuration))
    with pytest.raises(DirectoryUnavailable, match=r"krb5\.conf|no Kerberos server"):
        open_connection(by_keytab, [CONTROLLER])


def test_tickets_stay_in_memory(
    by_keytab: DirectoryConnectionSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{cache}")
    close_connection(open_connection(by_keytab, [CONTROLLER]))
    assert not cache.exists()


@pytest.mark.parametrize("keytab", ["", "/nowhere/reader.keytab"])
def test_without_a_keytab_nobody_is_contacted(
    by_keytab: DirectoryConnectionSettings, sockets: Sockets, keytab: str
) -> None:
    with pytest.raises(CredentialsRefused, match="keytab"):
        open_connection(replace(by_keytab, keytab_file=keytab), [CONTROLLER])
    assert sockets.contacts == []
