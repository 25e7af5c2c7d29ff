"""Which domain's controllers check a password, by the name that was typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pytest_django import Settings

from directory.ldap import DirectoryConnectionSettings
from directory.ldap.connection import ServerAddress
from directory.ldap.errors import CredentialsRefused
from directory.models import Account, Domain
from directory.signin import SignInRefused, account_signing_in, check_password
from portal.signin.limits import named_account
from tests.directory import world

pytestmark = pytest.mark.django_db
PASSWORD = "Right-1"


@dataclass
class Controllers:
    """The controllers of every domain: which domain was asked, and as whom."""

    binds: list[tuple[str, str]] = field(default_factory=list)

    def open_connection(
        self,
        settings: DirectoryConnectionSettings,
        addresses: list[ServerAddress],
        *,
        user: str,
        password: str,
    ) -> object:
        self.binds.append((settings.domain, user))
        if password != PASSWORD:
            raise CredentialsRefused("no", sub_code="52e")
        return object()


@pytest.fixture
def controllers(monkeypatch: pytest.MonkeyPatch) -> Controllers:
    scripted = Controllers()
    monkeypatch.setattr("directory.signin.open_connection", scripted.open_connection)
    monkeypatch.setattr("directory.signin.close_connection", lambda connection: None)
    monkeypatch.setattr(
        "directory.controllers.controller_addresses",
        lambda domain, prefer: (ServerAddress("dc.example", "192.0.2.1"),),
    )
    return scripted


@dataclass
class Forests:
    """r2.local, the default domain, and contoso.test; ``smith`` is in both."""

    r2: Domain
    contoso: Domain
    smith: Account
    other_smith: Account
    jones: Account


@pytest.fixture
def forests(settings: Settings, tmp_path: Path) -> Forests:
    (tmp_path / "directory.toml").write_text('[domains."contoso.test"]\n[domains."r2.local"]\n')
    settings.DIRECTORY_CONFIGURATION_FILE = str(tmp_path / "directory.toml")
    r2, contoso = world.domain(), world.domain("contoso.test", "CONTOSO", 2)
    return Forests(
        r2=r2,
        contoso=contoso,
        smith=world.account(r2, "smith", user_principal_name="smith@r2.local"),
        other_smith=world.account(contoso, "smith", user_principal_name="smith@example.com"),
        jones=world.account(contoso, "jones", user_principal_name="jones@contoso.test"),
    )


@pytest.mark.parametrize(
    ("name", "home", "bind"),
    [
        ("smith", "r2", r"R2\smith"),
        (r"CONTOSO\smith", "contoso", r"CONTOSO\smith"),
        (r"contoso.TEST\Smith", "contoso", r"CONTOSO\smith"),
        ("smith@contoso.test", "contoso", r"CONTOSO\smith"),
        ("Smith@Example.com", "contoso", r"CONTOSO\smith"),
        ("smith@r2.local", "r2", r"R2\smith"),
        ("jones", "contoso", r"CONTOSO\jones"),
        ("JONES@contoso.test", "contoso", r"CONTOSO\jones"),
    ],
)
def test_an_account_is_checked_by_its_own_domain(
    forests: Forests, controllers: Controllers, name: str, home: str, bind: str
) -> None:
    account = check_password(name, PASSWORD)
    domain: Domain = getattr(forests, home)
    assert account.domain == domain
    assert controllers.binds == [(domain.dns_name, bind)]


@pytest.mark.parametrize(
    ("name", "domain", "bind"),
    [
        ("nobody", "r2.local", "nobody@r2.local"),
        (r"CONTOSO\nobody", "contoso.test", "nobody@contoso.test"),
        (r"contoso.test\nobody", "contoso.test", "nobody@contoso.test"),
        ("nobody@contoso.test", "contoso.test", "nobody@contoso.test"),
        ("nobody@example.com", "r2.local", "nobody@example.com"),
        (r"FABRIKAM\smith", "r2.local", r"FABRIKAM\smith"),
        ("S-1-5-21-9-9-9-9999", "r2.local", "nobody@r2.local"),
    ],
)
def test_a_name_that_nobody_has_costs_a_bind_too_at_the_domain_it_tells(
    forests: Forests, controllers: Controllers, name: str, domain: str, bind: str
) -> None:
    with pytest.raises(SignInRefused, match="Name or password is not right"):
        check_password(name, "Wrong-1")
    assert controllers.binds == [(domain, bind)]


def test_an_account_of_a_domain_that_is_configured_no_longer_signs_in_nowhere(
    forests: Forests, controllers: Controllers, settings: Settings
) -> None:
    settings.DIRECTORY_CONFIGURATION_FILE = ""
    with pytest.raises(SignInRefused):
        check_password(r"CONTOSO\smith", PASSWORD)
    assert controllers.binds == [("r2.local", r"CONTOSO\smith")]


def test_a_bare_name_that_only_other_domains_share_is_not_guessed(
    forests: Forests, controllers: Controllers
) -> None:
    fabrikam = world.domain("fabrikam.test", "FABRIKAM", 3)
    world.account(fabrikam, "jones")
    with pytest.raises(SignInRefused, match="not unique"):
        check_password("jones", PASSWORD)
    assert controllers.binds == []


def test_refusals_of_a_bare_name_count_against_the_account_that_it_would_open(
    forests: Forests,
) -> None:
    assert named_account("smith") == account_signing_in("smith") == forests.smith
    assert named_account(r"CONTOSO\smith") == forests.other_smith
    assert named_account("nobody") is None
