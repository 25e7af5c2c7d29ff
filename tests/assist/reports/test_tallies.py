"""What was added up before is what the rows say, whatever changes and whenever."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from assist.models import Offer, OfferTally, TallyMark, TallySpan
from assist.reports.adding_up import add_up
from assist.reports.figures import DIMENSIONS, OfferRows
from assist.reports.periods import Period
from assist.reports.tallied import Tallied
from assist.reports.tallies import cover_of
from tests.assist.cast import NOW, Cast
from tests.assist.reports.made_offers import made_offer, random_offer
from tests.environment import sample_size

DAYS = 75
ROWS = OfferRows(Offer.objects.all())
pytestmark = pytest.mark.django_db


def _compare(period: Period) -> None:
    tallied = Tallied()
    assert tallied.slots(period) == ROWS.slots(period)
    assert tallied.days(period) == ROWS.days(period)
    assert tallied.reasons(period) == ROWS.reasons(period)
    for delay in ("prompt", "answer"):
        assert tallied.delays(period, delay) == ROWS.delays(period, delay)
    for dimension in DIMENSIONS.values():
        named = ROWS.named(period, dimension)
        assert tallied.named(period, dimension) == named
        assert tallied.ranked(period, dimension, None) == ROWS.ranked(period, dimension, None)
        some, number = tallied.ranked(period, dimension, 2)
        assert number == len(named)
        assert [item.counts.offers for item in some] == [
            item.counts.offers for item in ROWS.ranked(period, dimension, 2)[0]
        ]
        for item in some:
            assert item == named[item.key]
            assert tallied.named(period, dimension, [item.key]) == {item.key: item}


def _change(random: Random) -> None:
    offer = random.choice(list(Offer.objects.all()))
    change = random.randrange(6)
    if change == 0:
        offer.delete()
        return
    columns = {
        1: {"outcome": "accepted", "answered_at": offer.requested_at + timedelta(seconds=9)},
        2: {"outcome": "", "prompted_at": None},
        3: {"controlled_at": offer.requested_at, "mode": "view"},
        4: {"team_sid": "S-1-5-21-9-3", "end_remedy": "Ask again."},
        5: {"requested_at": NOW - timedelta(days=random.randrange(DAYS))},
    }[change]
    Offer.objects.filter(pk=offer.pk).update(**columns)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Winnipeg"])
def test_figures_added_up_are_those_of_the_rows_under_any_change(cast: Cast, zone: str) -> None:
    random = Random(zone)
    cast.add_computer("XP192", ou=cast.unit)
    with override_settings(TIME_ZONE=zone):
        for _ in range(150):
            random_offer(cast, random, around=NOW, days=DAYS)
        today = timezone.localdate(NOW)
        for _ in range(sample_size(6, soak=300)):
            for _ in range(random.randrange(12)):
                _change(random)
            for _ in range(random.randrange(4)):
                random_offer(cast, random, around=NOW, days=DAYS)
            if random.random() < 0.6:
                add_up(NOW)
            first = today - timedelta(days=random.randrange(DAYS))
            _compare(Period(first, first + timedelta(days=random.randrange(DAYS))))
            _compare(Period(today - timedelta(days=DAYS), today))
        while add_up(NOW).has_more:
            pass
        _compare(Period(today - timedelta(days=DAYS), today))
        assert not TallyMark.objects.exists()


def test_days_that_are_over_are_taken_from_the_tallies_and_months_where_they_fit(
    cast: Cast,
) -> None:
    made_offer(cast, requested_at=NOW - timedelta(days=60))
    made_offer(cast)
    assert add_up(NOW).days == 60
    cover = cover_of(Period(date(2026, 9, 24), date(2026, 11, 23)))
    october = Period(date(2026, 10, 1), date(2026, 10, 1))
    assert cover.months == (october,)
    assert cover.days == (
        Period(date(2026, 9, 24), date(2026, 9, 30)),
        Period(date(2026, 11, 1), date(2026, 11, 22)),
    )
    assert cover.rows == (Period(date(2026, 11, 23), date(2026, 11, 23)),)


def test_a_changed_day_is_counted_from_its_rows_until_it_is_added_up_anew(cast: Cast) -> None:
    offer = made_offer(cast, requested_at=NOW - timedelta(days=3))
    add_up(NOW)
    day = timezone.localdate(offer.requested_at)
    Offer.objects.filter(pk=offer.pk).update(outcome="declined")
    assert cover_of(Period(day, day)).rows == (Period(day, day),)
    add_up(NOW)
    assert cover_of(Period(day, day)).days == (Period(day, day),)
    assert OfferTally.objects.get(dimension="expert", start=day, level=0).declined == 1


def test_what_no_figure_counts_leaves_no_mark(cast: Cast) -> None:
    offer = made_offer(cast)
    add_up(NOW)
    TallyMark.objects.all().delete()
    Offer.objects.filter(pk=offer.pk).update(attempts=3, claimed_at=NOW, novice_name="R2\\x")
    assert not TallyMark.objects.exists()


def test_another_time_zone_has_everything_added_up_anew(cast: Cast) -> None:
    made_offer(cast, requested_at=datetime.fromisoformat("2026-11-20T23:00:00+00:00"))
    add_up(NOW)
    with override_settings(TIME_ZONE="Asia/Kolkata"):
        day = date(2026, 11, 21)
        assert cover_of(Period(day, day)).rows == (Period(day, day),)
        _compare(Period(day, day))
        add_up(NOW)
        assert set(TallySpan.objects.values_list("zone", flat=True)) == {"Asia/Kolkata"}
        _compare(Period(day, day))


def test_a_long_past_is_added_up_in_turns(cast: Cast) -> None:
    made_offer(cast, requested_at=NOW - timedelta(days=200))
    turns = [add_up(NOW)]
    while turns[-1].has_more:
        turns.append(add_up(NOW))
    assert [turn.days for turn in turns] == [92, 92, 16]


def test_triggers_stand_after_all_migrations() -> None:
    query = (
        "SELECT COUNT(*) FROM pg_trigger WHERE tgname LIKE 'assist_offer_mark_%'"
        if connection.vendor == "postgresql"
        else "SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'assist_offer_mark_%'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        assert cursor.fetchone()[0] == 3
