"""The overview: what is counted, compared, and how long things took."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from django.test import override_settings

from assist.errors import InvalidInput
from assist.models import Offer
from assist.reports.charts import stretches
from assist.reports.counts import Counts
from assist.reports.delays import delay_of
from assist.reports.figures import DIMENSIONS, OfferRows
from assist.reports.overview import breakdown, overview
from assist.reports.periods import Period, presets, read_period
from tests.assist.cast import NOW, Cast
from tests.assist.reports.made_offers import made_offer

TODAY = date(2026, 11, 23)
THIS_DAY = Period(TODAY, TODAY)
ROWS = OfferRows(Offer.objects.all())
pytestmark = pytest.mark.django_db


def test_offers_are_counted_beside_the_period_before(cast: Cast) -> None:
    made_offer(cast)
    made_offer(cast, outcome="declined", mode="view")
    made_offer(cast, outcome="declined", requested_at=NOW - timedelta(days=1))
    made_offer(cast, requested_at=NOW - timedelta(days=2))
    found = overview(ROWS, THIS_DAY)
    assert found.all.now == Counts(offers=2, control=1, accepted=1, declined=1)
    assert found.all.before == Counts(offers=1, control=1, declined=1)
    assert found.view.now == Counts(offers=1, declined=1)
    assert found.all.now.rate("declined") == 50.0


def test_rates_are_shares_of_the_offers_that_came_to_an_invitation() -> None:
    counts = Counts(offers=10, accepted=3, declined=1, refused=4, going_on=1)
    assert counts.rate("accepted") == 75.0
    assert counts.share("refused") == 40.0
    assert counts.other == 1
    assert Counts().rate("accepted") is None


def test_control_on_a_view_only_offer_is_a_violation(cast: Cast) -> None:
    made_offer(cast, mode="view", controlled_at=NOW)
    made_offer(cast, mode="control", controlled_at=NOW)
    assert overview(ROWS, THIS_DAY).all.now.violations == 1


def test_times_are_medians_and_nine_of_ten_in_whole_seconds(cast: Cast) -> None:
    for seconds in (4, 5, 60):
        asked = NOW + timedelta(seconds=seconds, milliseconds=900)
        made_offer(cast, prompted_at=asked, answered_at=asked + timedelta(seconds=2))
    made_offer(cast, prompted_at=None, answered_at=None)
    times = overview(ROWS, THIS_DAY).times
    assert (times.prompt[""].offers, times.prompt[""].median, times.prompt[""].p90) == (3, 5, 60)
    assert times.answer["control"].median == 2
    assert times.answer["view"].median is None


def test_a_clock_that_is_behind_makes_no_negative_time(cast: Cast) -> None:
    made_offer(cast, prompted_at=NOW - timedelta(seconds=3))
    assert overview(ROWS, THIS_DAY).times.prompt[""].median == 0


def test_quantiles_are_values_that_occurred() -> None:
    assert delay_of({1: 5, 9: 5}).median == 1
    assert delay_of({1: 9, 9: 1}).p90 == 1
    assert delay_of({1: 8, 9: 2}).p90 == 9
    assert delay_of({}).median is None


def test_hours_and_weekdays_are_those_of_the_portals_time_zone(cast: Cast) -> None:
    made_offer(cast, requested_at=datetime(2026, 11, 23, 3, 30, tzinfo=UTC))
    with override_settings(TIME_ZONE="America/Winnipeg"):  # Sunday evening there
        found = overview(ROWS, Period(date(2026, 11, 22), date(2026, 11, 22)))
        assert found.hours[21].offers == 1
        assert found.weekdays[6].offers == 1
        assert found.days == ((date(2026, 11, 22), 1),)


def test_a_day_of_25_hours_has_all_of_them(cast: Cast) -> None:
    with override_settings(TIME_ZONE="America/Winnipeg"):
        period = Period(date(2026, 11, 1), date(2026, 11, 1))
        assert period.ends_at - period.begins_at == timedelta(hours=25)
        made_offer(cast, requested_at=datetime(2026, 11, 2, 5, 59, tzinfo=UTC))
        assert overview(ROWS, period).all.now.offers == 1


def test_refused_and_blocked_offers_are_told_by_rule_with_what_would_mend_them(cast: Cast) -> None:
    for remedy in ("Add her.", "Add her.", "Ask."):
        made_offer(cast, outcome="refused", end_code="helper.not_listed", end_remedy=remedy)
    made_offer(cast, outcome="blocked", end_code="blocked", end_remedy="Open the firewall.")
    first, second = overview(ROWS, THIS_DAY).obstacles
    assert (first.rule, first.offers, first.before) == ("helper.not_listed", 3, 0)
    assert first.remedies == (("Add her.", 2), ("Ask.", 1))
    assert (second.outcome, second.offers) == ("blocked", 1)


def test_the_breakdown_names_the_busiest_first(cast: Cast) -> None:
    for name in ("mjones", "nkhan", "nkhan"):
        made_offer(cast, by=name)
    lines, number = breakdown(ROWS, THIS_DAY, DIMENSIONS["expert"])
    assert number == 2
    assert [(line.name, line.now.offers) for line in lines] == [(r"R2\nkhan", 2), (r"R2\mjones", 1)]
    for code in ("team", "unit", "computer"):
        lines, _ = breakdown(ROWS, THIS_DAY, DIMENSIONS[code])
        assert sum(line.now.offers for line in lines) == 3
    (team,), _ = breakdown(ROWS, THIS_DAY, DIMENSIONS["team"])
    assert team.name == "no team"
    (first,), number = breakdown(ROWS, THIS_DAY, DIMENSIONS["expert"], 1)
    assert (first.name, number) == (r"R2\nkhan", 2)


def test_an_offer_keeps_the_unit_and_the_team_it_was_made_from(cast: Cast) -> None:
    offer = cast.request(actor=cast.actor("nkhan"))
    offer.refresh_from_db()
    assert offer.unit_guid == cast.unit.pk
    assert offer.unit_name == "OU=Winnipeg,DC=r2,DC=local"
    assert offer.team_name == r"R2\Helpdesk Night"
    refused = cast.request(actor=cast.actor("eadams"))
    assert (refused.team_sid, refused.team_name) == ("", "")


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("2026-13-01", "", "from"),
        ("yesterday", "", "from"),
        ("2026-11-01", "01.11.2026", "to"),
        ("2026-11-20", "2026-11-01", "to"),
        ("1970-01-01", "", "from"),
        ("2010-01-01", "2026-11-01", "from"),
        ("2027-01-01", "2027-01-02", "from"),
        ("2026-11-01", "9999-12-31", "to"),
        ("20261101", "", "from"),
        ("2026-W48-1", "", "from"),
        ("", "0001-01-01", "to"),
    ],
)
def test_days_that_cannot_be_are_refused_by_the_name_of_the_field(
    first: str, last: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_period(first, last, TODAY)
    assert refused.value.field == field
    assert refused.value.remedy


def test_no_days_at_all_mean_the_last_thirty() -> None:
    period = read_period("", "", TODAY)
    assert (period.days, period.last) == (30, TODAY)
    assert period.before.days == 30
    assert period.before.last == period.first - timedelta(days=1)


def test_last_week_is_from_monday_to_sunday() -> None:
    week = next(item.period for item in presets(TODAY) if item.label == "Last week")
    assert (week.first.isoweekday(), week.last.isoweekday(), week.days) == (1, 7, 7)
    assert week.last < TODAY


@pytest.mark.parametrize("days", [1, 30, 100, 700])
def test_bars_cover_every_day_once(days: int) -> None:
    first = date(2024, 2, 15)
    last = first + timedelta(days=days - 1)
    counts = [(first + timedelta(days=step), step) for step in range(days)]
    found = stretches(counts, first, last)
    assert sum(item.offers for item in found) == sum(range(days))
    assert found[0].first == first
    assert found[-1].last == last
    assert all(a.last + timedelta(days=1) == b.first for a, b in pairwise(found))
