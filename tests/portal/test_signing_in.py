"""Signing in: by the directory's word alone, without telling who exists, not too often."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from assist.models import AuditEvent
from directory.ldap.connection import ServerAddress
from directory.ldap.errors import CredentialsRefused, DirectoryUnavailable
from portal.models import SignInAttempt, User
from tests.assist.cast import NOW, Cast

pytestmark = pytest.mark.django_db

PASSWORD = "Right-1"


@dataclass
class DomainController:
    """Takes simple binds as Active Directory does: an empty password succeeds, as nobody."""

    binds: list[tuple[str, str]] = field(default_factory=list)
    is_down: bool = False

    def open_connection(
        self, settings: object, addresses: object, *, user: str, password: str
    ) -> object:
        self.binds.append((user, password))
        if self.is_down:
            raise DirectoryUnavailable("No domain controller answered.", remedy="Try again.")
        if password not in ("", PASSWORD) or (password and "mjones" not in user.lower()):
            raise CredentialsRefused("no", sub_code="52e")
        return object()


@pytest.fixture
def controller(monkeypatch: pytest.MonkeyPatch) -> DomainController:
    scripted = DomainController()
    monkeypatch.setattr("directory.signin.open_connection", scripted.open_connection)
    monkeypatch.setattr("directory.signin.close_connection", lambda connection: None)
    monkeypatch.setattr(
        "directory.controllers.controller_addresses",
        lambda domain, prefer: (ServerAddress("dc1.r2.local", "127.0.10.1"),),
    )
    return scripted


def sign_in(client: Client, name: str, password: str, **extra: str) -> tuple[int, str]:
    answer = client.post("/sign-in", {"username": name, "password": password, **extra})
    return answer.status_code, answer.content.decode()


def is_signed_in(client: Client) -> bool:
    return client.get("/").status_code == 200


@pytest.mark.parametrize("name", [r"R2\mjones", r"r2.local\MJones", "MJONES@r2.local", "mjones"])
def test_every_spelling_of_a_name_is_one_person(
    client: Client, cast: Cast, controller: DomainController, name: str
) -> None:
    assert sign_in(client, name, PASSWORD)[0] == 302
    assert is_signed_in(client)
    user = User.objects.get()
    assert (user.sid, user.name) == (cast.mjones.sid, r"R2\mjones")
    event = AuditEvent.objects.get(kind="sign_in")
    assert (event.actor_sid, event.source_address) == (cast.mjones.sid, "127.0.0.1")


@pytest.mark.parametrize("password", ["", "\x00"])
def test_an_empty_password_never_reaches_the_directory(
    client: Client, cast: Cast, controller: DomainController, password: str
) -> None:
    status, _ = sign_in(client, r"R2\mjones", password)
    assert status in (401, 422)
    assert not is_signed_in(client)
    assert controller.binds == []


def test_an_empty_password_never_binds_even_past_the_form(
    cast: Cast, controller: DomainController
) -> None:
    from portal.signin.backend import ActiveDirectoryBackend

    assert ActiveDirectoryBackend().authenticate(None, r"R2\mjones", "") is None
    assert ActiveDirectoryBackend().authenticate(None, r"R2\mjones", None) is None
    assert controller.binds == []
    assert not User.objects.exists()


def test_spaces_of_a_password_are_part_of_it(
    client: Client, cast: Cast, controller: DomainController
) -> None:
    sign_in(client, r"R2\mjones", f" {PASSWORD} ")
    assert controller.binds == [(r"R2\mjones", f" {PASSWORD} ")]


def test_a_refusal_does_not_tell_who_exists(cast: Cast, controller: DomainController) -> None:
    def refusal(name: str) -> str:
        client = Client()
        status, page = sign_in(client, name, "Wrong-1")
        assert status == 401
        lines = page.replace(name, "NAME").splitlines()
        return "\n".join(line for line in lines if "csrf" not in line)

    existing, unknown = refusal("eadams@r2.local"), refusal("nobody@r2.local")
    assert existing == unknown
    assert "Name or password is not right" in existing
    assert "Wrong-1" not in existing
    assert len(controller.binds) == 2  # both cost a bind, so the time tells nothing either


def test_a_refusal_is_recorded_without_the_name_that_nobody_has(
    client: Client, cast: Cast, controller: DomainController
) -> None:
    sign_in(client, r"R2\mjones", "Wrong-1")
    sign_in(client, "my secret password", "Wrong-1")
    known, unknown = AuditEvent.objects.filter(kind="sign_in.refused").order_by("id")
    assert (known.subject_id, known.subject_name) == (cast.mjones.sid, r"R2\mjones")
    assert known.source_address == "127.0.0.1"
    assert "secret" not in unknown.subject_name + str(unknown.data)


def test_too_many_refusals_make_the_account_wait_under_every_spelling(
    client: Client, cast: Cast, controller: DomainController
) -> None:
    names = [r"R2\mjones", "mjones@r2.local", "mjones", r"r2.local\MJONES"]
    with time_machine.travel(NOW, tick=False) as clock:
        for number in range(settings.SIGN_IN_REFUSALS_PER_ACCOUNT):
            assert sign_in(client, names[number % 4], "Wrong-1")[0] == 401
        asked = len(controller.binds)
        status, page = sign_in(Client(REMOTE_ADDR="192.0.2.99"), "mjones", PASSWORD)
        assert status == 429
        assert "Too many sign-ins were refused." in page
        assert len(controller.binds) == asked
        clock.shift(timedelta(seconds=settings.SIGN_IN_WINDOW_SECONDS + 1))
        assert sign_in(client, "mjones", PASSWORD)[0] == 302


def test_waiting_is_the_same_for_a_name_that_nobody_has(
    client: Client, cast: Cast, controller: DomainController
) -> None:
    for _ in range(settings.SIGN_IN_REFUSALS_PER_ACCOUNT):
        assert sign_in(client, "nobody@r2.local", "Wrong-1")[0] == 401
    assert sign_in(client, "NOBODY@r2.local", "Wrong-1")[0] == 429


def test_too_many_refusals_make_the_address_wait(
    cast: Cast, controller: DomainController, settings: Settings
) -> None:
    settings.SIGN_IN_REFUSALS_PER_ADDRESS = 3
    here, elsewhere = Client(REMOTE_ADDR="192.0.2.5"), Client(REMOTE_ADDR="192.0.2.6")
    for name in ("a1", "a2", "a3"):
        assert sign_in(here, name, "Wrong-1")[0] == 401
    assert sign_in(here, "mjones", PASSWORD)[0] == 429
    assert sign_in(elsewhere, "mjones", PASSWORD)[0] == 302


def test_a_right_password_clears_what_was_counted(
    client: Client, cast: Cast, controller: DomainController
) -> None:
    sign_in(client, "mjones", "Wrong-1")
    assert SignInAttempt.objects.count() == 1
    sign_in(client, "mjones", PASSWORD)
    assert not SignInAttempt.objects.exists()


def test_a_directory_that_does_not_answer_is_said(
    client: Client, cast: Cast, controller: DomainController
) -> None:
    controller.is_down = True
    status, page = sign_in(client, r"R2\mjones", PASSWORD)
    assert status == 503
    assert "No domain controller answered." in page
    assert r"R2\mjones" in page  # what was typed is kept
    assert PASSWORD not in page


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/offers", "/offers"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_after_signing_in_she_is_where_she_was_going_if_that_is_here(
    client: Client, cast: Cast, controller: DomainController, wanted: str, reached: str
) -> None:
    answer = client.post("/sign-in", {"username": "mjones", "password": PASSWORD, "next": wanted})
    assert answer["Location"] == reached


def test_signing_out_takes_a_post(client: Client, cast: Cast, controller: DomainController) -> None:
    sign_in(client, "mjones", PASSWORD)
    assert client.get("/sign-out").status_code == 405
    assert is_signed_in(client)
    assert client.post("/sign-out")["Location"] == "/sign-in"
    assert not is_signed_in(client)
    assert AuditEvent.objects.filter(kind="sign_out", actor_sid=cast.mjones.sid).exists()


def test_a_session_gets_a_new_key_at_sign_in(
    client: Client, cast: Cast, controller: DomainController
) -> None:
    client.get("/sign-in")
    session = client.session
    session["planted"] = "yes"
    session.save()
    client.cookies["sessionid"] = session.session_key or ""
    before = session.session_key
    sign_in(client, "mjones", PASSWORD)
    assert client.session.session_key != before


def test_an_account_disabled_after_the_bind_gets_no_session(
    client: Client, cast: Cast, controller: DomainController
) -> None:
    cast.mjones.is_enabled = False
    cast.mjones.save()
    sign_in(client, "mjones", PASSWORD)
    assert not is_signed_in(client)


def test_other_roles_than_at_the_last_sign_in_are_recorded(
    client: Client, cast: Cast, settings: Settings, controller: DomainController
) -> None:
    sign_in(client, "mjones", PASSWORD)
    first = AuditEvent.objects.get(kind="roles.changed")
    assert (first.subject_id, first.data["before"]) == (cast.mjones.sid, "")
    assert "expert" in first.data["now"]
    client.post("/sign-out")
    sign_in(client, "mjones", PASSWORD)
    assert AuditEvent.objects.filter(kind="roles.changed").count() == 1
    settings.ROLE_GROUPS = {"manager": settings.ROLE_GROUPS["expert"]}
    client.post("/sign-out")
    sign_in(client, "mjones", PASSWORD)
    latest = AuditEvent.objects.filter(kind="roles.changed").latest("id")
    assert (latest.data["before"], latest.data["now"]) == (first.data["now"], "manager")
    assert User.objects.get(sid=cast.mjones.sid).roles == "manager"
