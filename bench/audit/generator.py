"""Two years of offers and their audit events, made up and written by COPY."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import connection

from assist.models import AuditEvent, Offer
from bench.membership.loading import copy_rows
from directory.models import Account, Computer, Domain, OrganizationalUnit

DAYS = 730
EVENTS_PER_OFFER = 10
UNITS = 200
TEAMS = 40
DOMAIN_SID = "S-1-5-21-7-8-9"
# How offers come out, with how many of a hundred; an outcome may be empty: still going on.
OUTCOMES = (
    *(("accepted", 62), ("declined", 6), ("unanswered", 7), ("unopened", 5), ("refused", 9)),
    *(("blocked", 2), ("nobody", 3), ("unreachable", 4), ("busy", 1), ("cancelled", 1)),
)
_RULES = (
    *("helper.not_listed", "role.expert", "mode.view_only", "computer.usable"),
    *("portal.rate_limit", "ticket.required", "trust.one_way", "policy.offers"),
)
_REMEDIES = tuple(f"Whoever administers policy {number} can mend this." for number in range(60))
_WORDS = ("printer", "Outlook", "VPN", "Excel", "password", "screen", "sound", "Teams", "slow")
_STEPS = (
    *("offer.requested", "offer.decided", "offer.queued", "offer.contacting", "offer.offered"),
    *("offer.answering", "evidence.recorded", "evidence.recorded", "offer.accepted", "offer.ended"),
)


@dataclass
class World:
    """Who made the offers, and where."""

    experts: list[tuple[uuid.UUID, str, str]] = field(default_factory=list)
    computers: list[tuple[uuid.UUID, str, int]] = field(default_factory=list)
    units: list[tuple[uuid.UUID, str]] = field(default_factory=list)
    teams: list[tuple[str, str]] = field(default_factory=list)


def fill_directory(offers: int, random: Random) -> World:
    """A domain with as many experts, units and computers as that many offers would have."""
    home = Domain.objects.create(
        guid=_guid(random),
        distinguished_name="DC=bench,DC=test",
        dns_name="bench.test",
        dns_name_folded="bench.test",
        netbios_name="BENCH",
        netbios_name_folded="bench",
        sid=DOMAIN_SID,
    )
    world = World(teams=[(f"{DOMAIN_SID}-{50 + n}", f"BENCH\\Team {n:02}") for n in range(TEAMS)])
    units = [
        OrganizationalUnit(
            guid=_guid(random),
            distinguished_name=f"OU=Site {number:03},DC=bench,DC=test",
            domain=home,
            name=f"Site {number:03}",
        )
        for number in range(UNITS)
    ]
    copy_rows(OrganizationalUnit, units)
    world.units = [(unit.guid, unit.distinguished_name) for unit in units]
    accounts = [
        _account(home, random, number) for number in range(min(1000, max(20, offers // 2000)))
    ]
    copy_rows(Account, accounts)
    world.experts = [(item.guid, item.sid, f"BENCH\\{item.sam_account_name}") for item in accounts]
    computers = [
        _computer(home, random, number, units)
        for number in range(min(50_000, max(100, offers // 40)))
    ]
    copy_rows(Computer, computers)
    places = {unit.guid: place for place, unit in enumerate(units)}
    world.computers = [
        (item.guid, item.name, places[item.ou.guid]) for item in computers if item.ou is not None
    ]
    return world


def fill_offers(world: World, number: int, random: Random, now: datetime) -> None:
    """That many offers, the oldest first, and no mark of them: nothing is added up yet."""
    columns = [str(item.column) for item in Offer._meta.concrete_fields]
    with _bare("assist_offer"):
        _copy("assist_offer", columns, _offers(world, number, random, now, columns))


def fill_events(number: int) -> int:
    """Ten events for each of the offers; they neither wait for a seal nor have one.

    Returns:
        How many there are.
    """
    fields = AuditEvent._meta.concrete_fields
    columns = [str(item.column) for item in fields if item.column != "id"]
    with _bare("assist_auditevent"):
        _copy("assist_auditevent", columns, _events(_every_offer(), columns))
    return number * EVENTS_PER_OFFER


def _every_offer() -> Iterator[tuple[Any, ...]]:
    """What events say of each offer, by a connection of its own: COPY holds the other."""
    reading = connection.copy()
    fields = (
        *("pk", "requested_at", "expert_sid", "expert_name"),
        *("computer_id", "computer_name", "ticket"),
    )
    statement, _ = (
        Offer.objects.order_by("requested_at").values_list(*fields).query.sql_with_params()
    )
    try:
        reading.ensure_connection()
        database = reading.connection
        with database.transaction(), database.cursor(name="offers") as cursor:
            cursor.itersize = 10_000
            cursor.execute(statement)
            yield from cursor
    finally:
        reading.close()


def _copy(table: str, columns: list[str], lines: Iterable[str]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    waiting: list[str] = []
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for line in lines:
            waiting.append(line)
            if len(waiting) == 2000:
                copy.write("".join(waiting))
                waiting.clear()
        copy.write("".join(waiting))


@contextmanager
def _bare(table: str) -> Iterator[None]:
    """The table without triggers and indexes while it is filled: made afterwards they cost less."""
    indexes = (
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND NOT EXISTS "
        "(SELECT 1 FROM pg_constraint WHERE conname = indexname)"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        cursor.execute(indexes, [table])
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"DROP INDEX {name}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _, statement in found:
            cursor.execute(statement)
        cursor.execute("RESET maintenance_work_mem")
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")


def _offers(
    world: World, number: int, random: Random, now: datetime, columns: list[str]
) -> Iterator[str]:
    decision = json.dumps(_decision())
    step = timedelta(days=DAYS) / number
    begin = now - timedelta(days=DAYS)
    outcomes = random.choices(
        [name for name, _ in OUTCOMES], weights=[share for _, share in OUTCOMES], k=number
    )
    constant = {
        "authority": "service",
        "viewer": "windows",
        "attempts": "1",
        "losses": "0",
        "decision": decision.replace("{", "{{").replace("}", "}}"),
    }
    varying = [column for column in columns if column in _VARYING]
    template = _line(constant | {column: f"{{{column}}}" for column in varying}, columns)
    nothing = {column: "" if column in _TEXTS else "\\N" for column in varying}
    for place in range(number):
        at = _working_hour(begin + step * place, random)
        outcome = outcomes[place]
        computer, computer_name, unit = random.choice(world.computers)
        expert, sid, name = world.experts[int(random.random() ** 2 * len(world.experts))]
        team_sid, team_name = world.teams[hash(sid) % TEAMS] if outcome != "refused" else ("", "")
        values: dict[str, Any] = nothing | {
            "id": _guid(random),
            "state": "ended" if outcome == "accepted" else outcome,
            "outcome": outcome,
            "outcome_grade": "strong" if outcome in ("accepted", "unanswered") else "inferred",
            "mode": "view" if random.random() < 0.2 else "control",
            "door": "page" if random.random() < 0.9 else "api",
            "expert_id": expert,
            "expert_sid": sid,
            "expert_name": name.replace("\\", "\\\\"),
            "computer_id": computer,
            "computer_name": computer_name,
            "target": computer_name,
            "novice_name": f"BENCH\\\\user{random.randrange(80_000):05}",
            "ticket": f"INC{place:07}",
            "reason": f"{random.choice(_WORDS)} {random.choice(_WORDS)}",
            "unit_guid": world.units[unit][0],
            "unit_name": world.units[unit][1],
            "team_sid": team_sid,
            "team_name": team_name.replace("\\", "\\\\"),
            "requested_at": at.isoformat(),
            "let_through_at": at.isoformat(),
            "ended_at": (at + timedelta(minutes=5)).isoformat(),
            "end_code": outcome,
        }
        if outcome in ("refused", "blocked"):
            values["end_code"] = _RULES[place % 8] if outcome == "refused" else "blocked"
            values["end_remedy"] = random.choice(_REMEDIES)
        if outcome in ("accepted", "declined", "unanswered", "unopened"):
            values["offered_at"] = (at + timedelta(seconds=2)).isoformat()
        if outcome in ("accepted", "declined", "unanswered"):
            asked = at + timedelta(seconds=3 + random.expovariate(1 / 25))
            values["prompted_at"] = asked.isoformat()
            if outcome != "unanswered":
                answered = asked + timedelta(seconds=1 + random.expovariate(1 / 12))
                values["answered_at"] = answered.isoformat()
        if outcome == "accepted" and random.random() < (0.02 if values["mode"] == "view" else 0.8):
            values["controlled_at"] = values["answered_at"]
        yield template.format_map(values)


_VARYING = frozenset(
    {
        *("id", "state", "outcome", "outcome_grade", "mode", "door", "expert_id", "expert_sid"),
        *("expert_name", "computer_id", "computer_name", "target", "novice_name", "ticket"),
        *("reason", "unit_guid", "unit_name", "team_sid", "team_name", "requested_at"),
        *("let_through_at", "ended_at", "end_code", "end_remedy", "offered_at", "prompted_at"),
        *("answered_at", "controlled_at"),
    }
)
_TEXTS = frozenset(
    {
        *("wanted_user", "novice_name", "novice_sid", "ticket", "reason", "outcome"),
        *("outcome_grade", "end_code", "end_sentence", "end_remedy", "team_sid", "team_name"),
        *("unit_name", "subject_kind", "subject_id", "subject_name", "actor_sid", "request_id"),
    }
)


def _events(offers: Iterable[tuple[Any, ...]], columns: list[str]) -> Iterator[str]:
    """Ten lines for an offer."""
    fill = {
        "at": "{at}",
        "actor_name": "portal",
        "subject_kind": "computer",
        "subject_id": "{computer}",
        "subject_name": "{computer_name}",
        "offer_id": "{offer}",
        "ticket": "{ticket}",
        "data": '{{"from": "queued", "to": "contacting", "sentence": "A step."}}',
    }
    own = {
        "actor_sid": "{sid}",
        "actor_name": "{name}",
        "source_address": "192.0.2.7",
        "request_id": "0f2c",
    }
    template = "".join(
        _line(fill | {"kind": kind} | (own if number in (0, 6) else {}), columns)
        for number, kind in enumerate(_STEPS)
    )
    for offer, at, sid, name, computer, computer_name, ticket in offers:
        yield template.format(
            at=at.isoformat(),
            sid=sid,
            name=name.replace("\\", "\\\\"),
            computer=computer,
            computer_name=computer_name,
            offer=offer,
            ticket=ticket,
        )


def _line(values: dict[str, Any], columns: list[str]) -> str:
    return (
        "\t".join(
            [
                "\\N" if (v := values.get(c, "" if c in _TEXTS else None)) is None else str(v)
                for c in columns
            ]
        )
        + "\n"
    )


def _working_hour(at: datetime, random: Random) -> datetime:
    """Most offers come from 8 to 17, and few of them at weekends."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if at.weekday() >= 5 and random.random() < 0.8:
        day -= timedelta(days=random.randrange(2, 6))
    hour = random.gauss(12.5, 2.5) if random.random() < 0.95 else random.uniform(0, 24)
    return min(
        at, day + timedelta(hours=min(23.9, max(0, hour)), microseconds=random.randrange(10**6))
    )


def _decision() -> dict[str, Any]:
    """As large as those of the lab."""
    unit = {"kind": "unit", "id": str(uuid.UUID(int=1)), "name": "OU=Site 001"}
    policy = {"kind": "policy", "id": str(uuid.UUID(int=2)), "name": "Bench GPO"}
    return {
        "version": 1,
        "verdict": "allowed",
        "sentence": "The expert is a member of a team that the policy lists as helper.",
        "mode": "control",
        "expert": {"kind": "account", "id": f"{DOMAIN_SID}-1000", "name": "BENCH expert"},
        "computer": {"kind": "computer", "id": str(uuid.UUID(int=3)), "name": "PC"},
        "findings": [
            {
                "rule": rule,
                "effect": "allow",
                "sentence": f"The rule {rule} says yes, as the policy linked to the unit has it.",
                "evidence": [policy, unit],
                "remedy": "",
            }
            for rule in (*_RULES, "helper.listed", "mode.permitted", "directory.fresh")
        ],
        "decided_at": "2026-11-23T09:00:00+00:00",
    }


def _account(home: Domain, random: Random, number: int) -> Account:
    name = f"expert{number:04}"
    return Account(
        guid=_guid(random),
        distinguished_name=f"CN={name},{home.distinguished_name}",
        domain=home,
        sid=f"{DOMAIN_SID}-{1000 + number}",
        sam_account_name=name,
        sam_account_name_folded=name,
        primary_group_sid=f"{DOMAIN_SID}-513",
    )


def _computer(
    home: Domain, random: Random, number: int, units: list[OrganizationalUnit]
) -> Computer:
    name = f"PC{number:05}"
    return Computer(
        guid=_guid(random),
        distinguished_name=f"CN={name},{home.distinguished_name}",
        domain=home,
        sid=f"{DOMAIN_SID}-{100_000 + number}",
        sam_account_name=f"{name}$",
        sam_account_name_folded=f"{name}$".lower(),
        name=name,
        name_folded=name.lower(),
        dns_name=f"{name.lower()}.bench.test",
        dns_name_folded=f"{name.lower()}.bench.test",
        ou=random.choice(units),
    )


def _guid(random: Random) -> uuid.UUID:
    return uuid.UUID(int=random.getrandbits(128), version=4)
