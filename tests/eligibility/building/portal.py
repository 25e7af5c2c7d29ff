"""What the portal itself knows: roles, offers, how old its picture is."""

from __future__ import annotations

import re
from datetime import timedelta

from pytest_django import Settings

from assist.lifecycle import OPEN, State
from assist.models import Offer
from directory.models import Domain
from tests.eligibility.building.directory import EXPERTS, NOW, Directory
from tests.eligibility.building.principals import join
from tests.eligibility.vocabulary import UnreadableCase

LIMIT_PER_HOUR = 60
NO_ROLE = "the expert has no role"
NOT_LISTED = "the portal's account is not listed"
UNKNOWN_ACCOUNT = "the portal's account is unknown"
OPEN_OFFER = "an offer to the computer is open"
CALLS_AS = "the portal calls as "
MADE = re.compile(r"the expert made (\d+) offers in the last hour")
READ = re.compile(r"(\S+) was read (\d+) hours ago")
NEVER_READ = re.compile(r"(\S+) was never read")


def set_up_portal(directory: Directory, settings: Settings) -> None:
    """Roles, offers and ages.

    Args:
        directory: All else of it is there.
        settings: Given back by the test that they are of.
    """
    case = directory.case
    settings.ROLE_GROUPS = {
        "expert": [rf"{netbios_name}\{EXPERTS}" for netbios_name in directory.domains]
    }
    settings.OFFERS_PER_EXPERT_PER_HOUR = LIMIT_PER_HOUR
    settings.SERVICE_PRINCIPAL = str(directory.caller)
    if NO_ROLE not in case.portal:
        join(directory, directory.groups[rf"{case.expert.domain}\{EXPERTS}"], str(case.expert))
    for line in case.portal:
        if line == UNKNOWN_ACCOUNT:
            settings.SERVICE_PRINCIPAL = r"R2\nobody"
        elif line not in (NO_ROLE, NOT_LISTED) and not line.startswith(CALLS_AS):
            _say(directory, line)


def _say(directory: Directory, line: str) -> None:
    if line == OPEN_OFFER:
        _add_offer(directory, rf"{directory.home.netbios_name}\somebody else", State.OFFERED)
    elif found := MADE.fullmatch(line):
        for _ in range(int(found[1])):
            _add_offer(directory, str(directory.case.expert), State.DECLINED)
    elif found := READ.fullmatch(line):
        _set_age(found[1], NOW - timedelta(hours=int(found[2])))
    elif found := NEVER_READ.fullmatch(line):
        _set_age(found[1], None)
    else:
        raise UnreadableCase(f"{line!r} is not said of the portal.")


def _set_age(dns_name: str, synced_at: object) -> None:
    if not Domain.objects.filter(dns_name=dns_name).update(synced_at=synced_at):
        raise UnreadableCase(f"There is no domain {dns_name}.")


def _add_offer(directory: Directory, expert: str, state: State) -> None:
    """An offer to the computer; one that has ended was to another, which has a limit of its own."""
    computer = directory.computer if state in OPEN else None
    account = directory.accounts.get(expert)
    Offer.objects.create(
        state=state.value,
        door="page",
        expert=account,
        expert_sid=account.sid if account else "S-1-5-21-9-9-9-1999",
        expert_name=expert,
        computer=computer,
        computer_name=directory.computer.name,
        target=directory.computer.name,
        decision={},
        requested_at=NOW - timedelta(minutes=10),
        let_through_at=NOW - timedelta(minutes=10),
    )
