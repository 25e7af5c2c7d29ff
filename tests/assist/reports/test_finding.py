"""A page is the same, whichever way it was found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from assist.models import Offer
from assist.reports.filters import read_filters
from assist.reports.finding import find_page
from assist.reports.listing import read_cursor
from tests.assist.cast import NOW, Cast
from tests.assist.reports.made_offers import made_offer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("filters", "number"),
    [
        ({"text": ["printer"]}, 20),
        ({"text": ["PRINTER slow"]}, 4),
        ({"reason": ["printer slow"]}, 4),
        ({"ticket": ["T-07"]}, 1),
        ({"expert": ["jones"], "text": ["printer"]}, 20),
        ({"text": ["nothing"]}, 0),
        ({"text": ["100%"]}, 0),
        ({"remedy": ["firewall"]}, 8),
        ({"text": ["FIREWALL"], "to": ["2026-11-22"]}, 0),
    ],
)
@pytest.mark.parametrize("newest", [1, 5, 100])
def test_every_page_is_found_by_either_way(
    cast: Cast, filters: dict[str, list[str]], number: int, newest: int
) -> None:
    for place in range(40):
        made_offer(
            cast,
            requested_at=NOW - timedelta(minutes=place // 2),
            ticket=f"T-{place:02}",
            reason=("printer slow" if place % 10 == 0 else "printer") if place % 2 == 0 else "vpn",
            end_remedy="Open the firewall." if place % 5 == 1 else "",
        )
    chosen, problems = read_filters(filters, NOW.date())
    assert problems == []
    found, cursor = list[str](), ""
    while True:
        wanted = replace(chosen, after=cursor)
        page = find_page(Offer.objects.all(), wanted, limit=3, newest=newest)
        found += [str(row["id"]) for row in page.rows]
        cursor = page.next_cursor
        if not cursor:
            break
        assert read_cursor(cursor)
    assert len(found) == len(set(found)) == number
