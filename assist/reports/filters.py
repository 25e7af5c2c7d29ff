"""The filters of the table of offers, as they are in its address.

Every filter is one parameter of the address, so that a link is all it takes to share a table.
What is not known, or cannot be, is refused by its name: a filter that is silently left out would
show offers that nobody asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address
from typing import Any

from django.db.models import Q
from django.db.models.expressions import BaseExpression
from django.http import QueryDict

from assist.errors import InvalidInput
from assist.lifecycle import LABELS, Mode, State
from assist.models.offer import OfferQuerySet
from assist.reports.columns import AUTHORITIES, COLUMNS, DEFAULT_COLUMNS, DOORS, GRADES, VIEWERS
from assist.reports.columns import Column as TableColumn
from assist.reports.counts import VIOLATION
from assist.reports.figures import slot_expressions
from assist.reports.periods import Period, read_day, require_period
from assist.reports.searching import GONE_THROUGH, SEARCHED, anywhere, part_of

LONGEST_TEXT = 256
MOST_WORDS = 8
NONE = "none"  # of a filter by key: those that have none
GOING_ON = "going_on"
OUTCOMES = {GOING_ON: "Still going on"} | {
    state.value: LABELS[state]
    for state in State
    if state not in (State.REQUESTED, State.HELD, State.QUEUED, State.CONTACTING, State.CHOOSING)
    and state not in (State.OFFERED, State.ANSWERING, State.ENDED)
}
WEEKDAYS = {
    str(number): name
    for number, name in enumerate(
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), start=1
    )
}
HOURS = {str(hour): f"{hour:02}:00" for hour in range(24)}
YES_OR_NO = {"yes": "Yes", "no": "No"}


@dataclass(frozen=True)
class Filter:
    """One filter.

    Attributes:
        code: Its parameter.
        label: For a person.
        condition: Makes the condition from the values that were chosen or typed.
        choices: What can be chosen, several at once; empty: a text is typed.
        hint: How to fill it in.
    """

    code: str
    label: str
    condition: Callable[[tuple[str, ...]], Q]
    choices: Mapping[str, str]
    hint: str = ""


def _chosen(
    code: str, label: str, choices: Mapping[str, str], field: str = "", hint: str = ""
) -> Filter:
    return Filter(
        code, label, lambda values: Q(**{f"{field or code}__in": list(values)}), choices, hint
    )


def _typed(code: str, label: str, field: str, hint: str = "") -> Filter:
    return Filter(code, label, lambda values: part_of(field, values[0]), {}, hint)


def _named(code: str, label: str, key: str, name: str, hint: str) -> Filter:
    """By its SID or GUID exactly, else by a part of the name it had."""

    def condition(values: tuple[str, ...]) -> Q:
        text = values[0]
        if text == NONE:
            return Q(**{f"{key}__isnull": True}) | (Q(**{key: ""}) if "sid" in key else Q())
        if "sid" in key:
            if text.upper().startswith("S-1-"):
                return Q(**{key: text.upper()})
        elif (guid := _guid(text)) is not None:
            return Q(**{key: guid})
        return part_of(name, text)

    return Filter(code, label, condition, {}, hint)


def _outcome(values: tuple[str, ...]) -> Q:
    return Q(outcome__in=["" if value == GOING_ON else value for value in values])


def _yes_or_no(condition: Q) -> Callable[[tuple[str, ...]], Q]:
    def chosen(values: tuple[str, ...]) -> Q:
        if set(values) == set(YES_OR_NO):
            return Q()
        return condition if values[0] == "yes" else ~condition

    return chosen


def _text(values: tuple[str, ...]) -> Q:
    """Every word somewhere in the texts of an offer."""
    found = Q()
    for word in values[0].split()[:MOST_WORDS]:
        found &= anywhere(word)
    return found


def _address(values: tuple[str, ...]) -> Q:
    try:
        return Q(address=str(ip_address(values[0])))
    except ValueError as error:
        raise InvalidInput(
            f"“{values[0][:40]}” is not an IP address.",
            remedy="Write it in full, as 10.0.0.7.",
            field="address",
        ) from error


FILTERS: dict[str, Filter] = {
    item.code: item
    for item in (
        Filter("text", "Search", _text, {}, "Words in names, ticket, reason, or why it ended"),
        _chosen("outcome", "Outcome", OUTCOMES),
        _chosen("state", "State", {state.value: label for state, label in LABELS.items()}),
        _chosen("mode", "Mode", {Mode.VIEW.value: "View", Mode.CONTROL.value: "Control"}),
        _named("expert", "Expert", "expert_sid", "expert_name", "Part of the name, or the SID"),
        _named("computer", "Computer", "computer_id", "computer_name", "Part of the name"),
        _typed("novice", "User", "novice_name", "Part of the name"),
        _typed("ticket", "Ticket", "ticket", "Part of it"),
        _typed("reason", "Reason", "reason", "Part of it"),
        _named("team", "Team", "team_sid", "team_name", "Part of the group's name, or its SID"),
        _named("unit", "Unit", "unit_guid", "unit_name", "Part of its distinguished name"),
        Filter("rule", "Rule", lambda values: Q(end_code=values[0]), {}, "Its code"),
        _typed("remedy", "What would mend it", "end_remedy", "Part of it"),
        _typed("sentence", "Why it ended", "end_sentence", "Part of it"),
        _chosen("grade", "Evidence", GRADES, "outcome_grade"),
        _chosen("authority", "Authority", AUTHORITIES),
        _chosen("viewer", "Viewer", VIEWERS),
        _chosen("door", "Door", DOORS),
        _typed("target", "Asked for as", "target", "Part of it"),
        Filter("address", "Address", _address, {}, "An IP address"),
        _typed("wanted_user", "Wanted user", "wanted_user", "Part of the name"),
        Filter("violation", "Control on a view-only offer", _yes_or_no(VIOLATION), YES_OR_NO),
        Filter(
            "prompted", "The user was asked", _yes_or_no(Q(prompted_at__isnull=False)), YES_OR_NO
        ),
        _chosen("weekday", "Day of the week", WEEKDAYS),
        _chosen("hour", "Hour of the day", HOURS),
    )
}
FILTERS["outcome"] = Filter("outcome", "Outcome", _outcome, OUTCOMES)
NOT_FILTERS = frozenset({"from", "to", "columns", "after"})


@dataclass(frozen=True)
class Chosen:
    """What a reader asked for.

    Attributes:
        first: The first day, or None.
        last: The last day, or None.
        values: What was chosen or typed, by the filter's code.
        columns: What the table shows.
        after: The cursor of the page before, or empty.
    """

    first: date | None
    last: date | None
    values: Mapping[str, tuple[str, ...]]
    columns: tuple[TableColumn, ...]
    after: str = ""

    @property
    def searches_texts(self) -> bool:
        """Whether a part of some text is looked for."""
        return any(not FILTERS[code].choices for code in self.values)

    @property
    def period(self) -> Period | None:
        """The days, where both are given."""
        return Period(self.first, self.last) if self.first and self.last else None

    def query(self, *, with_columns: bool = True) -> str:
        """The same as an address has it, without the page."""
        query = QueryDict(mutable=True)
        if self.first:
            query["from"] = self.first.isoformat()
        if self.last:
            query["to"] = self.last.isoformat()
        for code, values in self.values.items():
            query.setlist(code, list(values))
        codes = tuple(column.code for column in self.columns)
        if with_columns and codes != DEFAULT_COLUMNS:
            query["columns"] = ",".join(codes)
        return query.urlencode(safe=",")


def read_filters(
    query: Mapping[str, list[str]], today: date, *, also: Iterable[str] = ()
) -> tuple[Chosen, list[InvalidInput]]:
    """What an address asks for, and what is wrong with it.

    Args:
        query: The values of every parameter.
        today: The day it is in the portal's time zone.
        also: Further parameters that are none of the table's.

    Returns:
        What can be used, and a refusal for each parameter that cannot.
    """
    problems: list[InvalidInput] = []
    days: dict[str, date | None] = {"from": None, "to": None}
    values: dict[str, tuple[str, ...]] = {}
    columns = tuple(COLUMNS[code] for code in DEFAULT_COLUMNS)
    for code, given in query.items():
        texts = [text.strip() for text in given if text.strip()]
        if code in also or not texts:
            if code not in FILTERS and code not in NOT_FILTERS and code not in also:
                problems.append(_unknown(code))
            continue
        try:
            if code in days:
                days[code] = read_day(texts[-1], code)
            elif code == "columns":
                columns = _columns(texts)
            elif code in FILTERS:
                values[code] = _values(FILTERS[code], texts)
                FILTERS[code].condition(values[code])
            elif code not in NOT_FILTERS:
                problems.append(_unknown(code))
        except InvalidInput as error:
            problems.append(error)
    first, last = days["from"], days["to"]
    try:
        if first or last:
            require_period(
                Period(first or last or today, last or max(today, first or today)), today
            )
    except InvalidInput as error:
        problems.append(error)
        first = last = None
    after = (query.get("after") or [""])[-1]
    return Chosen(first, last, values, columns, after), problems


def filtered(offers: OfferQuerySet, chosen: Chosen, *, by_index: bool = True) -> OfferQuerySet:
    """The offers that were asked for.

    Args:
        offers: Those that the reader may see.
        chosen: By ``read_filters``.
        by_index: False: have PostgreSQL look for texts in the offers, not in their index.
    """
    offers = within_days(offers, chosen).alias(**(SEARCHED if by_index else GONE_THROUGH))
    if chosen.values.keys() & {"weekday", "hour"}:
        slots: dict[str, BaseExpression] = slot_expressions()
        offers = offers.alias(**slots)
    for code, values in chosen.values.items():
        offers = offers.filter(FILTERS[code].condition(values))
    return offers


def within_days(offers: OfferQuerySet, chosen: Chosen) -> OfferQuerySet:
    """The offers of the days that were asked for."""
    if chosen.first:
        offers = offers.filter(requested_at__gte=Period(chosen.first, chosen.first).begins_at)
    if chosen.last:
        offers = offers.filter(requested_at__lt=Period(chosen.last, chosen.last).ends_at)
    return offers


def _values(wanted: Filter, texts: list[str]) -> tuple[str, ...]:
    if wanted.choices:
        found = [text.strip() for given in texts for text in given.split(",") if text.strip()]
        for text in found:
            if text not in wanted.choices:
                raise InvalidInput(
                    f"{wanted.label}: there is no “{text[:40]}”.",
                    remedy=f"Choose some of: {', '.join(wanted.choices)}.",
                    field=wanted.code,
                )
        return tuple(dict.fromkeys(found))
    text = texts[-1]
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(
            f"{wanted.label}: {len(text)} characters are too many.",
            remedy=f"Type {LONGEST_TEXT} at most.",
            field=wanted.code,
        )
    if "\x00" in text:
        raise InvalidInput(
            f"{wanted.label}: a NUL character is in no offer.",
            remedy="Leave that character out.",
            field=wanted.code,
        )
    return (text,)


def _columns(texts: list[str]) -> tuple[TableColumn, ...]:
    codes = [code.strip() for text in texts for code in text.split(",") if code.strip()]
    for code in codes:
        if code not in COLUMNS:
            raise InvalidInput(
                f"There is no column “{code[:40]}”.",
                remedy=f"Choose some of: {', '.join(COLUMNS)}.",
                field="columns",
            )
    return tuple(COLUMNS[code] for code in dict.fromkeys(codes))


def _unknown(code: str) -> InvalidInput:
    return InvalidInput(
        f"There is no filter “{code[:40]}”.",
        remedy=f"Leave it out, or use one of: from, to, {', '.join(FILTERS)}.",
        field=code[:40],
    )


def _guid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def first_problem(problems: list[InvalidInput]) -> None:
    """Stops at the first refusal, for doors that have no form to show them all in.

    Raises:
        InvalidInput: The first of them.
    """
    if problems:
        raise problems[0]


def parameters_of(query: Mapping[str, Any]) -> dict[str, list[str]]:
    """The values of every parameter of an address."""
    return {code: query.getlist(code) for code in query} if isinstance(query, QueryDict) else {}
