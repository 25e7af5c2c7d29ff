"""Several domains from one file, the variables as defaults, and every mistake by its name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from directory.configuration import (
    DomainConfiguration,
    UnknownDomain,
    WrongConfiguration,
    configured_domains,
    connection_settings,
    domain_configuration,
)
from portal import checks
from tests.environment import ROOT

AUTHORITY = ROOT / "tests" / "portal" / "authority.pem"
TWO_DOMAINS = """
[domains."r2.local"]
site = "Vancouver"

[domains."Contoso.Test"]
servers = ["DC1.contoso.test.", "dc2.contoso.test"]
dns_servers = ["127.0.20.1"]
ca_file = "authority.pem"
tls = "starttls"
bind_user = "svc@contoso.test"
bind_password_file = "secret"
connect_timeout_seconds = 2
read_timeout_seconds = 7.5
incremental_interval_seconds = 30
full_interval_seconds = 86400
sweep_hour = 4
connections = 3
"""


@dataclass
class Folder:
    """The folder of the configuration file, with a password, a keytab and an authority in it."""

    path: Path

    def describe(self, text: str) -> None:
        (self.path / "directory.toml").write_text(text)


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Folder:
    (tmp_path / "secret").write_text("Its-Password\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "keys.keytab").write_bytes(b"\x05\x02")
    (tmp_path / "authority.pem").write_bytes(AUTHORITY.read_bytes())
    settings.DIRECTORY_CA_FILE = str(AUTHORITY)
    settings.DIRECTORY_CONFIGURATION_FILE = str(tmp_path / "directory.toml")
    return Folder(tmp_path)


def mistakes() -> dict[str, tuple[str, str]]:
    """The errors that stop the start: by number, their sentence and hint."""
    found = [message for message in checks.directory() if message.is_serious()]
    assert all(message.hint for message in found)
    return {str(message.id): (str(message.msg), str(message.hint)) for message in found}


def test_the_variables_alone_configure_one_domain(settings: Settings) -> None:
    settings.DIRECTORY_SITE = "Winnipeg"
    settings.DIRECTORY_INCREMENTAL_INTERVAL_SECONDS = 20
    (only,) = configured_domains()
    assert (only.dns_name, only.site) == ("r2.local", "Winnipeg")
    assert only.connection.servers == ("dc1.r2.local",)
    assert only.connection.bind_method == "simple"
    assert only.schedule.incremental_interval == timedelta(seconds=20)
    assert only.schedule.full_interval == timedelta(weeks=1)
    assert (only.schedule.sweep_at, only.connections) == (2, 2)
    assert domain_configuration() == only
    assert connection_settings() == only.connection


def test_a_file_describes_each_domain(folder: Folder) -> None:
    folder.describe(TWO_DOMAINS)
    assert mistakes() == {}
    first, second = configured_domains()
    assert (first.dns_name, first.site) == ("r2.local", "Vancouver")
    assert first.connection.servers == ("dc1.r2.local",)
    connection = second.connection
    assert second.dns_name == "contoso.test"
    assert connection.servers == ("dc1.contoso.test", "dc2.contoso.test")
    assert connection.dns_servers == ("127.0.20.1",)
    assert connection.ca_file == str(folder.path / "authority.pem")
    assert (connection.tls, connection.bind_user) == ("starttls", "svc@contoso.test")
    assert connection.bind_password == "Its-Password"
    assert (connection.connect_timeout_seconds, connection.read_timeout_seconds) == (2, 7.5)
    assert second.schedule.incremental_interval == timedelta(seconds=30)
    assert second.schedule.full_interval == timedelta(days=1)
    assert (second.schedule.sweep_at, second.connections, second.site) == (4, 3, "")


def test_a_domain_takes_what_it_leaves_out_from_the_variables_but_no_controllers(
    folder: Folder, settings: Settings
) -> None:
    settings.DIRECTORY_TLS = "starttls"
    settings.DIRECTORY_SITE = "Vancouver"
    settings.DIRECTORY_CONNECTIONS = 5
    folder.describe('[domains."contoso.test"]')
    contoso = domain_configuration("CONTOSO.test.")
    assert contoso.connection.tls == "starttls"
    assert contoso.connection.bind_user == "svc-ra-directory@r2.local"
    assert contoso.connections == 5
    assert contoso.connection.servers == ()
    assert contoso.site == ""


def test_the_default_domain_comes_first_wherever_the_file_has_it(
    folder: Folder, settings: Settings
) -> None:
    folder.describe('[domains."contoso.test"]\n[domains."r2.local"]\n')
    assert [each.dns_name for each in configured_domains()] == ["r2.local", "contoso.test"]
    settings.DIRECTORY_DOMAIN = ""
    assert domain_configuration().dns_name == "contoso.test"


def test_a_keytab_means_kerberos(folder: Folder) -> None:
    folder.describe(
        '[domains."contoso.test"]\nbind_user = "svc@contoso.test"\nkeytab_file = "keys.keytab"'
    )
    connection = connection_settings("contoso.test")
    assert (connection.bind_method, connection.bind_password) == ("kerberos", "")
    assert connection.keytab_file == str(folder.path / "keys.keytab")
    assert connection.bind_principal == "svc@CONTOSO.TEST"


def test_a_password_changed_in_its_file_is_taken_at_once(folder: Folder) -> None:
    folder.describe(TWO_DOMAINS)
    (folder.path / "secret").write_text("Another-1")
    assert connection_settings("contoso.test").bind_password == "Another-1"


def test_an_unknown_domain_is_refused_with_those_that_are_known(folder: Folder) -> None:
    folder.describe(TWO_DOMAINS)
    with pytest.raises(UnknownDomain) as refusal:
        domain_configuration("fabrikam.test")
    assert "fabrikam.test" in refusal.value.sentence
    assert "r2.local, contoso.test" in refusal.value.remedy


@pytest.mark.parametrize(
    ("line", "number", "said"),
    [
        ("bind_password = 'Hunter2'", "portal.E015", "bind_password"),
        ("password = 'Hunter2'", "portal.E015", "password"),
        ("server = ['dc1.contoso.test']", "portal.E013", "server"),
        ("servers = 'dc1.contoso.test'", "portal.E014", "servers"),
        ("servers = ['dc1 contoso']", "portal.E014", "servers"),
        ("dns_servers = ['dc1.contoso.test']", "portal.E014", "dns_servers"),
        ("dns_servers = [1]", "portal.E014", "dns_servers"),
        ("tls = 'none'", "portal.E014", "tls"),
        ("site = 'a.b'", "portal.E014", "site"),
        ("connect_timeout_seconds = 0", "portal.E014", "connect_timeout_seconds"),
        ("connect_timeout_seconds = true", "portal.E014", "connect_timeout_seconds"),
        ("read_timeout_seconds = nan", "portal.E014", "read_timeout_seconds"),
        ("incremental_interval_seconds = '15'", "portal.E014", "incremental_interval_seconds"),
        ("full_interval_seconds = 1", "portal.E014", "full_interval_seconds"),
        ("sweep_hour = 24", "portal.E014", "sweep_hour"),
        ("sweep_hour = 2.5", "portal.E014", "sweep_hour"),
        ("connections = 0", "portal.E014", "connections"),
        ("bind_user = ''", "portal.E014", "bind_user"),
        ("ca_file = 3", "portal.E014", "ca_file"),
        ("bind_password_file = 'nowhere'", "portal.E016", "bind_password_file"),
        ("bind_password_file = 'empty'", "portal.E016", "bind_password_file"),
        ("keytab_file = 'nowhere'", "portal.E016", "keytab_file"),
    ],
)
def test_a_mistake_is_named_with_file_domain_and_key(
    folder: Folder, line: str, number: str, said: str
) -> None:
    folder.describe(f'[domains."contoso.test"]\n{line}')
    found = mistakes()
    assert list(found) == [number]
    sentence, _ = found[number]
    assert f'{folder.path / "directory.toml"}, domains."contoso.test", {said}: ' in sentence
    assert "Hunter2" not in str(found)
    with pytest.raises(WrongConfiguration) as refusal:
        configured_domains()
    assert str(folder.path) not in refusal.value.sentence + refusal.value.remedy


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("domains = [", "portal.E011"),
        ("\udcff", "portal.E011"),
        ("", "portal.E012"),
        ("[domains]", "portal.E012"),
        ("[domains.r2.local]", "portal.E012"),
        ("[domains]\n'r2.local' = 1", "portal.E012"),
        ('[domains."a b"]', "portal.E012"),
        ('[domains."c.test"]\n[domains."C.TEST"]', "portal.E012"),
        ('[domain."c.test"]\n[domains."c.test"]', "portal.E013"),
    ],
)
def test_a_file_of_another_form_is_named(folder: Folder, text: str, number: str) -> None:
    (folder.path / "directory.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    found = mistakes()
    assert list(found) == [number]
    assert str(folder.path / "directory.toml") in found[number][0]


def test_a_file_that_is_not_there_is_named(folder: Folder) -> None:
    found = mistakes()
    assert list(found) == ["portal.E010"]
    assert "directory.toml" in found["portal.E010"][0]


@pytest.mark.parametrize(
    "lines",
    [
        "bind_user = 'svc@c.test'",
        "bind_password_file = 'secret'",
        "keytab_file = 'keys.keytab'",
        "bind_user = 'a@c.test'\nbind_password_file = 'secret'\nkeytab_file = 'keys.keytab'",
    ],
)
def test_an_account_is_never_joined_with_another_ones_secret(folder: Folder, lines: str) -> None:
    folder.describe(f'[domains."contoso.test"]\n{lines}')
    found = mistakes()
    assert list(found) == ["portal.E017"]
    assert "contoso.test" in found["portal.E017"][0]


@pytest.mark.parametrize(
    ("user", "password", "keytab"),
    [("", "p", ""), ("svc@r2.local", "", ""), ("svc@r2.local", "p", "k"), ("svc", "p", "")],
)
def test_the_default_account_must_be_whole_and_tell_its_domain(
    folder: Folder, settings: Settings, user: str, password: str, keytab: str
) -> None:
    settings.DIRECTORY_BIND_USER = user
    settings.DIRECTORY_BIND_PASSWORD = password
    settings.DIRECTORY_KEYTAB_FILE = keytab
    folder.describe('[domains."contoso.test"]')
    assert list(mistakes()) == ["portal.E017"]


def test_all_mistakes_are_named_together(folder: Folder) -> None:
    folder.describe('[domains."a.test"]\ntls = 1\nwhat = 2\n[domains."b.test"]\npassword = "x"')
    assert list(mistakes()) == ["portal.E014", "portal.E013", "portal.E015"]


def test_each_domains_authority_is_looked_at(folder: Folder) -> None:
    folder.describe(
        '[domains."a.test"]\nca_file = "nowhere.pem"\n[domains."b.test"]\nca_file = "empty"'
    )
    found = {message.id: message.msg for message in checks.certificate_authority()}
    assert set(found) == {"portal.W001", "portal.E004"}
    assert "a.test" in found["portal.W001"]
    assert "b.test" in found["portal.E004"]


def test_secrets_are_not_in_what_the_configuration_shows(folder: Folder) -> None:
    folder.describe(TWO_DOMAINS)
    shown = repr(configured_domains())
    assert "Its-Password" not in shown
    assert isinstance(configured_domains()[0], DomainConfiguration)
