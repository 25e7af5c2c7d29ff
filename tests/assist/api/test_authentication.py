"""Who may call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import RequestFactory
from django.utils import timezone

from assist.actors import Actor
from assist.models import ApiToken
from assist.source_address import source_address
from assist.tokens import token_revoke
from directory.models import Membership
from tests.assist.api.conftest import MakeToken, Program, require_problem
from tests.assist.cast import Cast

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def test_no_token_is_asked_for_one(world: Cast) -> None:
    answer = Program().get("offers")
    require_problem(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("text", ["rap_nonsense", "", " ", "x" * 5000, "rap_\u00e9", "rap_ a"])
def test_a_token_that_is_not_known_is_refused(world: Cast, text: str) -> None:
    answer = Program().call("GET", "offers", Authorization=f"Bearer {text}")
    require_problem(answer, 401, "authentication_failed")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


@pytest.mark.parametrize("header", ["Basic bWpvbmVzOng=", "Bearer", "rap_x", "Token rap_x"])
def test_another_scheme_is_no_token(world: Cast, header: str) -> None:
    answer = Program().call("GET", "offers", Authorization=header)
    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers


def test_the_scheme_may_be_written_in_any_case(mary: Program) -> None:
    mary.headers["Authorization"] = mary.headers["Authorization"].replace("Bearer", "bEARER")
    assert mary.get("offers").status == 200


def test_a_token_ends_at_its_expiry(make_token: MakeToken) -> None:
    _, text = make_token("mjones", expires_at=NOW + timedelta(hours=1), now=NOW)
    with time_machine.travel(NOW + timedelta(minutes=59), tick=False):
        assert Program(text).get("offers").status == 200
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        require_problem(Program(text).get("offers"), 401, "authentication_failed")


def test_a_revoked_token_is_refused(make_token: MakeToken) -> None:
    token, text = make_token("mjones")
    assert Program(text).get("offers").status == 200
    token_revoke(actor=Actor.portal(), token=token)
    require_problem(Program(text).get("offers"), 401, "authentication_failed")


def test_the_last_use_is_written_once_a_minute_at_most(make_token: MakeToken) -> None:
    token, text = make_token("mjones", now=NOW)
    used = []
    for seconds in (0, 30, 59, 60, 90):
        with time_machine.travel(NOW + timedelta(seconds=seconds), tick=False):
            Program(text).get("offers")
        used.append(ApiToken.objects.get(pk=token.pk).last_used_at)
    minute = NOW + timedelta(minutes=1)
    assert used == [NOW, NOW, NOW, minute, minute]


@pytest.mark.parametrize(
    "columns",
    [
        {"is_enabled": False},
        {"is_present": False},
        {"locked_at": timezone.now()},
        {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
    ids=["disabled", "gone", "locked", "expired"],
)
def test_a_token_sleeps_while_its_account_cannot_be_used(
    world: Cast, mary: Program, columns: dict[str, object]
) -> None:
    account = world.accounts["mjones"]
    for name, value in columns.items():
        setattr(account, name, value)
    account.save()
    require_problem(mary.get("offers"), 401, "account_not_usable")


def test_who_is_no_expert_any_more_may_nothing(world: Cast, mary: Program) -> None:
    assert mary.get("offers").status == 200
    Membership.objects.filter(
        group=world.groups["Remote Assistance Experts"],
        member_guid=world.accounts["mjones"].guid,
    ).delete()
    require_problem(mary.get("offers"), 403, "not_allowed")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "offers"),
        ("POST", "offers"),
        ("GET", "offers/0b7d9c6e-4d0a-4f57-9a52-5b1c2d3e4f50"),
        ("POST", "offers/0b7d9c6e-4d0a-4f57-9a52-5b1c2d3e4f50/cancel"),
        ("POST", "offers/0b7d9c6e-4d0a-4f57-9a52-5b1c2d3e4f50/logon-session"),
        ("GET", "eligibility"),
    ],
)
def test_a_collector_only_delivers_events(collector: Program, method: str, path: str) -> None:
    require_problem(collector.call(method, path), 403, "not_allowed")


def test_an_expert_delivers_no_events(mary: Program) -> None:
    require_problem(mary.post("windows-events", {"events": [{}]}), 403, "not_allowed")


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9, 10.0.0.7", "10.0.0.7"),
        (2, "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (2, "10.0.0.7", "127.0.0.1"),
        (1, "nonsense", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_only_our_own_proxies_say_where_a_request_came_from(
    settings: object, proxies: int, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies  # type: ignore[attr-defined]
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})
    assert source_address(request) == expected
