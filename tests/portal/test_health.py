"""What a load balancer is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from django.conf import LazySettings
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from tests.assist.cast import make_domain

pytestmark = pytest.mark.django_db


@pytest.fixture
def redis_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redis.Redis.ping", lambda self: True)


def test_a_portal_that_is_well_says_how_old_the_directory_is(
    client: Client, redis_answers: None
) -> None:
    domain = make_domain("r2.local", "R2", "S-1-5-21-1-2-3")
    domain.synced_at = timezone.now() - timedelta(seconds=90)
    domain.save()
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert 90 <= answer.json()["directory_age_seconds"] < 100


def test_a_directory_never_read_is_no_reason_to_be_taken_out(
    client: Client, redis_answers: None
) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["directory_age_seconds"] is None


def test_without_redis_it_is_not_well(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise redis.ConnectionError("connection refused at redis://:secret@host")

    monkeypatch.setattr("redis.Redis.ping", refuse)
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["redis"] == "unavailable"
    assert b"secret" not in answer.content


def test_without_a_database_it_is_not_well(
    client: Client, redis_answers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DatabaseError("no connection")

    monkeypatch.setattr("django.db.models.query.QuerySet.first", refuse)
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["database"] == "unavailable"


@pytest.mark.django_db
def test_health_is_answered_without_https_where_pages_are_not(
    client: Client, settings: LazySettings
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/sign-in").status_code == 301
    assert client.get("/health").status_code != 301
