"""Passwords are checked by the domain controller; an empty one goes nowhere."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from directory.ldap.errors import DirectoryUnavailable
from directory.models import Account, Domain
from directory.signin import SignInRefused, check_password
from lab import world as lab_world
from tests.fixtures_directory import Sockets

pytestmark = [pytest.mark.lab, pytest.mark.django_db]
PASSWORD = lab_world.PERSON_PASSWORD


@pytest.mark.parametrize("name", [r"R2\mjones", "MJONES@r2.local", r"r2.local\MJones", "mjones"])
def test_mary_signs_in_by_any_form_of_her_name(synced_directory: Domain, name: str) -> None:
    assert str(check_password(name, PASSWORD)) == r"R2\mjones"


@pytest.mark.parametrize("password", ["", "\x00", "a\x00b"])
def test_an_empty_password_is_refused_before_anything_is_sent(
    synced_directory: Domain, sockets: Sockets, password: str
) -> None:
    with pytest.raises(SignInRefused):
        check_password("mjones", password)
    assert [contact for contact in sockets.contacts if "127.0.10.1" in str(contact)] == []


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("mjones", "wrong"),
        ("mjones", " "),
        ("nobody-at-all", PASSWORD),
        ("dcarter", PASSWORD),
        ("xlee", PASSWORD),
        ("*", PASSWORD),
        ("mjones)(objectClass=*", PASSWORD),
    ],
)
def test_every_refusal_reads_the_same(synced_directory: Domain, name: str, password: str) -> None:
    with pytest.raises(SignInRefused) as refusal:
        check_password(name, password)
    assert refusal.value.sentence == (
        "Name or password is not right, or the account may not be used."
    )


def test_someone_the_portal_has_not_read_yet_is_told_so(synced_directory: Domain) -> None:
    Account.objects.filter(sam_account_name="mjones").update(is_present=False)
    with pytest.raises(SignInRefused, match="does not know your account yet"):
        check_password("mjones", PASSWORD)


def test_a_controller_that_is_off_is_not_a_wrong_password(
    synced_directory: Domain, settings: Settings
) -> None:
    settings.DIRECTORY_SERVERS = ["dc1.r2.local"]
    settings.DIRECTORY_CA_FILE = "/nonexistent"
    with pytest.raises(DirectoryUnavailable):
        check_password("mjones", PASSWORD)
