"""Tokens of programs: shown once, kept as a hash, ended by time or by hand."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command

from assist.actors import Actor
from assist.errors import InvalidInput
from assist.models import ApiToken, AuditEvent, TokenScope
from assist.tokens import token_create, token_find, token_revoke
from tests.assist.cast import NOW, Cast

pytestmark = [pytest.mark.usefixtures("clock"), pytest.mark.django_db]
OPERATOR = Actor(sid="", name="root at the console")


def test_a_token_is_found_by_its_text_and_its_text_is_kept_nowhere(cast: Cast) -> None:
    token, text = token_create(
        actor=OPERATOR, name="tickets", scope=TokenScope.EXPERT, account=cast.mjones
    )
    found = token_find(text)
    assert found == token
    assert found is not None
    assert found.account == cast.mjones
    assert text not in str(ApiToken.objects.values()) + str(AuditEvent.objects.values())
    assert text.startswith(token.prefix)
    assert AuditEvent.objects.get().kind == "token.created"


@pytest.mark.parametrize("text", ["", "rap_", "rap_x", "x" * 10_000, "rap_\ud800", "rap_\x00"])
def test_other_texts_find_nothing(cast: Cast, text: str) -> None:
    token_create(actor=OPERATOR, name="c", scope=TokenScope.COLLECTOR)
    assert token_find(text) is None


def test_a_token_ends_with_its_time(clock: time_machine.Coordinates) -> None:
    _, text = token_create(
        actor=OPERATOR,
        name="c",
        scope=TokenScope.COLLECTOR,
        expires_at=NOW + timedelta(days=1),
    )
    assert token_find(text)
    clock.shift(timedelta(days=1))
    assert token_find(text) is None


def test_a_revoked_token_is_none() -> None:
    token, text = token_create(actor=OPERATOR, name="c", scope=TokenScope.COLLECTOR)
    token_revoke(actor=OPERATOR, token=token)
    token_revoke(actor=OPERATOR, token=token)
    assert token_find(text) is None
    assert AuditEvent.objects.filter(kind="token.revoked").count() == 1


def test_its_last_use_is_kept_to_the_minute(clock: time_machine.Coordinates) -> None:
    token, text = token_create(actor=OPERATOR, name="c", scope=TokenScope.COLLECTOR)
    token_find(text)
    clock.shift(timedelta(seconds=59))
    token_find(text)
    token.refresh_from_db()
    assert token.last_used_at == NOW
    clock.shift(timedelta(seconds=1))
    token_find(text)
    token.refresh_from_db()
    assert token.last_used_at == NOW + timedelta(minutes=1)


def test_a_token_that_makes_no_sense_is_refused(cast: Cast) -> None:
    bad: list[tuple[dict[str, object], str]] = [
        ({"name": " "}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"account": cast.mjones}, "account"),
        ({"scope": TokenScope.EXPERT}, "account"),
        ({"expires_at": NOW}, "expires_at"),
    ]
    for changes, field in bad:
        arguments: dict[str, object] = {"name": "c", "scope": TokenScope.COLLECTOR}
        with pytest.raises(InvalidInput) as refusal:
            token_create(actor=OPERATOR, **(arguments | changes))  # type: ignore[arg-type]
        assert refusal.value.field == field
    assert not ApiToken.objects.exists()


def command(*arguments: str) -> str:
    output = io.StringIO()
    call_command("api_token", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_makes_lists_and_revokes(cast: Cast) -> None:
    text = command("tickets", "--account", "MJONES@r2.local", "--days", "30").strip()
    token = token_find(text)
    assert token is not None
    assert token.expires_at == NOW + timedelta(days=30)
    assert r"R2\mjones" in command("--list")
    command("--revoke", token.prefix)
    assert token_find(text) is None


@pytest.mark.parametrize(
    ("arguments", "expires_at"),
    [((), NOW + timedelta(days=365)), (("--days", "0"), None)],
)
def test_a_token_lives_a_year_unless_told_otherwise(
    arguments: tuple[str, ...], expires_at: datetime | None
) -> None:
    command("collector", "--scope", "collector", *arguments)
    assert ApiToken.objects.get().expires_at == expires_at


@pytest.mark.parametrize(
    "arguments",
    [
        ("x", "--account", r"R2\nobody"),
        ("x", "--scope", "expert"),
        ("", "--scope", "collector"),
        ("x", "--scope", "collector", "--days", "-1"),
        ("x", "--scope", "collector", "--days", "99999999999"),
        ("--revoke", "rap_unknown"),
    ],
)
def test_the_command_refuses_with_a_sentence(cast: Cast, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        command(*arguments)
    assert not ApiToken.objects.exists()
