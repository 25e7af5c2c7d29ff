"""Which domain controller is asked first, and what becomes of one that does not answer."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
import time_machine
from django.core.cache import cache
from pytest_django import Settings

from directory.configuration import DomainConfiguration, domain_configuration
from directory.controllers import (
    LONGEST_BACK_OFF_SECONDS,
    MEMORY_SECONDS,
    controller_addresses,
    first_answer,
    report_failure,
    report_success,
)
from directory.dns import DomainResolver, ServiceRecord, in_order_of_use
from directory.ldap.connection import ServerAddress, close_connection, open_connection
from directory.ldap.errors import CertificateRefused, CredentialsRefused, DirectoryUnavailable
from directory.models import Domain
from directory.signin import check_password
from lab import world as lab_world
from portal import settings as deployed
from tests.directory.scripted_dns import Records, dns_server

pytestmark = pytest.mark.lab  # name servers of the tests listen on port 53, as the lab's does
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NAME_SERVER = "127.0.10.53"
REAL = ServerAddress("dc1.r2.local", "127.0.10.1")
DEAD = ServerAddress("dead.r2.local", "127.0.10.99")
SERVICE = "_ldap._tcp.dc._msdcs.r2.local"
ADDRESSES: Records = {
    (REAL.dns_name, "A"): [REAL.ip],
    (DEAD.dns_name, "A"): [DEAD.ip],
    ("far.r2.local", "A"): ["127.0.10.98"],
}


@pytest.fixture(autouse=True)
def memory(settings: Settings) -> None:
    """A memory of this test's own."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "t"}
    }
    cache.clear()


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def named() -> Iterator[DomainConfiguration]:
    """Two controllers by name, the first of them dead."""
    with dns_server(NAME_SERVER, ADDRESSES):
        yield configured(servers=(DEAD.dns_name, REAL.dns_name))


def configured(*, site: str = "", servers: tuple[str, ...] = ()) -> DomainConfiguration:
    configuration = domain_configuration()
    return replace(
        configuration,
        site=site,
        connection=replace(
            configuration.connection,
            servers=servers,
            dns_servers=(NAME_SERVER,),
            connect_timeout_seconds=2,
        ),
    )


def order(configuration: DomainConfiguration, prefer: str = "") -> list[str]:
    return [address.dns_name for address in controller_addresses(configuration, prefer=prefer)]


def test_the_lowest_priority_comes_first_and_weights_share_out_the_rest() -> None:
    records = [
        ServiceRecord(10, 100, 389, "last"),
        ServiceRecord(0, 75, 389, "big"),
        ServiceRecord(0, 25, 389, "small"),
        ServiceRecord(0, 0, 389, "hardly"),
    ]
    chance = random.Random(1)
    orders = [[record.target for record in in_order_of_use(records, chance)] for _ in range(2000)]
    assert all(sorted(found) == ["big", "hardly", "last", "small"] for found in orders)
    assert all(found[-1] == "last" for found in orders)
    first = Counter(found[0] for found in orders)
    assert 1400 < first["big"] < 1600
    assert 400 < first["small"] < 600
    assert 0 < first["hardly"] < 60


def test_the_sites_controllers_come_before_the_domains() -> None:
    records: Records = ADDRESSES | {
        ("_ldap._tcp.winnipeg._sites.dc._msdcs.r2.local", "SRV"): ["5 0 389 dc1.r2.local."],
        (SERVICE, "SRV"): ["0 0 389 far.r2.local.", "9 0 389 dc1.r2.local.", "1 0 389 ."],
    }
    with dns_server(NAME_SERVER, records) as asked:
        assert order(configured(site="Winnipeg")) == ["dc1.r2.local", "far.r2.local"]
        assert asked[:2] == [
            "_ldap._tcp.winnipeg._sites.dc._msdcs.r2.local SRV",
            f"{SERVICE} SRV",
        ]
        assert order(configured(site="Elsewhere")) == ["far.r2.local", "dc1.r2.local"]
        assert order(configured()) == ["far.r2.local", "dc1.r2.local"]


def test_global_catalogs_are_found_the_sites_first() -> None:
    records: Records = {
        ("_gc._tcp.winnipeg._sites.r2.local", "SRV"): ["0 0 3268 near.r2.local."],
        ("_gc._tcp.r2.local", "SRV"): ["0 0 3268 far.r2.local.", "1 0 3268 near.r2.local."],
    }
    with dns_server(NAME_SERVER, records):
        found = DomainResolver((NAME_SERVER,)).global_catalogs_of("r2.local", "Winnipeg")
    assert found == ("near.r2.local", "far.r2.local")


def test_dns_without_controllers_is_said() -> None:
    with (
        dns_server(NAME_SERVER, {}),
        pytest.raises(DirectoryUnavailable, match="no domain controller"),
    ):
        controller_addresses(configured())


def test_the_one_used_last_comes_first_unless_it_failed(named: DomainConfiguration) -> None:
    assert order(named) == ["dead.r2.local", "dc1.r2.local"]
    assert order(named, prefer="DC1.r2.local") == ["dc1.r2.local", "dead.r2.local"]
    report_failure(named, REAL)
    assert order(named, prefer="dc1.r2.local") == ["dead.r2.local", "dc1.r2.local"]


def test_one_that_failed_is_last_twice_as_long_each_time(
    named: DomainConfiguration, clock: time_machine.Coordinates
) -> None:
    for seconds in (30, 60, 120, 240, 480, LONGEST_BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS):
        report_failure(named, DEAD)
        assert order(named) == ["dc1.r2.local", "dead.r2.local"]
        clock.shift(timedelta(seconds=seconds - 1))
        assert order(named) == ["dc1.r2.local", "dead.r2.local"]
        clock.shift(timedelta(seconds=1))
        assert order(named) == ["dead.r2.local", "dc1.r2.local"]


def test_failures_that_many_processes_see_at_once_count_as_one(
    named: DomainConfiguration, clock: time_machine.Coordinates
) -> None:
    for _ in range(20):
        report_failure(named, DEAD)
    clock.shift(timedelta(seconds=30))
    assert order(named)[0] == "dead.r2.local"


def test_success_forgets_what_failed(
    named: DomainConfiguration, clock: time_machine.Coordinates
) -> None:
    report_failure(named, DEAD)
    clock.shift(timedelta(seconds=30))
    report_failure(named, DEAD)
    report_success(named, DEAD)
    assert order(named)[0] == "dead.r2.local"
    report_failure(named, DEAD)
    clock.shift(timedelta(seconds=30))
    assert order(named)[0] == "dead.r2.local"


def test_where_all_failed_the_one_whose_time_is_up_soonest_is_first(
    named: DomainConfiguration, clock: time_machine.Coordinates
) -> None:
    report_failure(named, REAL)
    clock.shift(timedelta(seconds=10))
    report_failure(named, DEAD)
    assert order(named) == ["dc1.r2.local", "dead.r2.local"]


def test_what_one_domain_knows_is_not_another_ones(named: DomainConfiguration) -> None:
    other = replace(named, connection=replace(named.connection, domain="contoso.test"))
    report_failure(other, DEAD)
    assert order(named)[0] == "dead.r2.local"


def test_a_memory_that_is_away_stops_nothing(
    named: DomainConfiguration, settings: Settings
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.10.97:1/0",
        }
    }
    report_failure(named, DEAD)
    report_success(named, REAL)
    assert order(named) == ["dead.r2.local", "dc1.r2.local"]


def test_an_answer_that_is_no_is_not_a_failure_of_the_controller(
    named: DomainConfiguration,
) -> None:
    asked: list[str] = []

    def refuse(address: ServerAddress) -> None:
        asked.append(address.dns_name)
        raise CredentialsRefused("no")

    with pytest.raises(CredentialsRefused):
        first_answer(named, refuse)
    assert asked == ["dead.r2.local"]
    assert order(named)[0] == "dead.r2.local"


def test_a_refused_certificate_is_told_before_a_controller_that_is_off(
    named: DomainConfiguration,
) -> None:
    def fail(address: ServerAddress) -> None:
        if address == REAL:
            raise CertificateRefused("not to be trusted")
        raise DirectoryUnavailable("off")

    with pytest.raises(CertificateRefused):
        first_answer(named, fail)


@pytest.mark.parametrize("by_dns", [False, True])
def test_the_next_controller_answers_where_the_first_is_dead(
    lab_domain: object, by_dns: bool
) -> None:
    records: Records = ADDRESSES | {
        (SERVICE, "SRV"): ["0 100 389 dead.r2.local.", "1 100 389 dc1.r2.local."]
    }
    names = () if by_dns else (DEAD.dns_name, REAL.dns_name)
    with dns_server(NAME_SERVER, records):
        configuration = configured(servers=names)
        asked: list[ServerAddress] = []

        def ask(address: ServerAddress) -> object:
            asked.append(address)
            return open_connection(configuration.connection, [address])

        close_connection(first_answer(configuration, ask))
        close_connection(first_answer(configuration, ask))
    assert asked == [DEAD, REAL, REAL]


@pytest.mark.django_db
def test_signing_in_goes_on_where_a_controller_is_dead(
    synced_directory: Domain, settings: Settings
) -> None:
    settings.DIRECTORY_SERVERS = [DEAD.dns_name, REAL.dns_name]
    settings.DIRECTORY_DNS_SERVERS = [NAME_SERVER]
    with dns_server(NAME_SERVER, ADDRESSES):
        assert str(check_password("mjones", lab_world.PERSON_PASSWORD)) == r"R2\mjones"
        assert order(domain_configuration()) == ["dc1.r2.local", "dead.r2.local"]


@pytest.mark.services
def test_processes_share_what_failed_through_redis_as_json(
    named: DomainConfiguration, settings: Settings
) -> None:
    settings.CACHES = deployed.CACHES
    kept = redis.Redis.from_url(deployed.REDIS_URL)
    report_failure(named, DEAD)
    (key,) = kept.keys("portal:*controller-*")
    assert json.loads(kept.get(key) or b"")["count"] == 1
    assert 30 < kept.ttl(key) <= 30 + MEMORY_SECONDS
    settings.CACHES = deepcopy(deployed.CACHES)  # connections of its own, as another process has
    assert order(named) == ["dc1.r2.local", "dead.r2.local"]
    report_success(named, DEAD)
    assert order(named) == ["dead.r2.local", "dc1.r2.local"]
    assert kept.keys("portal:*controller-*") == []
