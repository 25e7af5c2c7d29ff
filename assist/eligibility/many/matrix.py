"""The decision for many pairs of expert and computer, with the rules of one.

Experts are bits of a number, so that "all who are in this group" is one number. For computers that
are alike, policy and the helper list are judged once for all experts that hold the same of the SIDs
that the list names; what rests on the expert, the computer or their domains alone, once for each.

The portal's rules of the moment count as they stand: a locked account, the number of offers in the
last hour, an offer to the computer that has not ended, the hours in which a protected one may be
helped, the age of the picture. Left to the decision on an offer is what only that has: its own
place among the active offers, its ticket, reason and approval, the address of the expert (warnings
on the firewall), and the sentences with their evidence.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from assist.eligibility.decision import Reference
from assist.eligibility.facts import Activity, Caller, ComputerFacts, Facts, PolicyFacts
from assist.eligibility.gathering import DOMAIN_ADMINS, default_authority, oldest_domain
from assist.eligibility.many.computers import (
    ComputerRow,
    Rows,
    domains_by_address,
    singular_sids,
)
from assist.eligibility.many.people import Person
from assist.eligibility.many.pictures import Pictures
from assist.eligibility.many.standing import KINDS, Standing
from assist.eligibility.outcomes import ALLOWED, Outcome, code_of, outcomes
from assist.eligibility.policy_facts import policy_facts
from assist.eligibility.protection import Protection
from assist.eligibility.rules import Side
from assist.lifecycle import Mode
from directory.policies import Place
from directory.trusts.selective import Entries

Outcomes = tuple[Outcome, ...]
Signature = tuple[object, ...]
OnPolicy = list[tuple[Outcomes, Outcomes, int]]  # in view, in control, for these experts
NO_POLICY = PolicyFacts(None, None, None, None, (), ())
NO_ACTIVITY = Activity(None, 0, 1)
NOBODY = Caller(None, "", None)


class Share(NamedTuple):
    """Experts for whom the answer on some computers is the same.

    Attributes:
        view: The code of what refuses an offer to view; empty: it is allowed.
        control: The same for control.
        experts: As bits, by their place in ``Pictures.people``.
    """

    view: str
    control: str
    experts: int

    @property
    def mode(self) -> Mode | None:
        """The most that is allowed."""
        if self.control == ALLOWED:
            return Mode.CONTROL
        return Mode.VIEW if self.view == ALLOWED else None


class Moment(NamedTuple):
    """What the portal's own rules say of a computer for the time being.

    Attributes:
        is_busy: An offer to it has not ended.
        is_crowded: No more offers to it are let through for now.
        protections: The rules that protect it.
    """

    is_busy: bool = False
    is_crowded: bool = False
    protections: tuple[Protection, ...] = ()


class Matrix:
    """Answers from pictures that are loaded; no query is made."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures
        self._standing = Standing(pictures)
        self._authority = default_authority()
        self._everybody = (1 << len(pictures.people)) - 1
        self._singular = singular_sids(pictures.policy)
        self._by_address = domains_by_address(pictures.policy)
        self._places: dict[tuple[object, ...], Place] = {}
        self._policies: dict[Place, tuple[int, PolicyFacts]] = {}
        self._signatures: dict[Signature, int] = {}
        self._on_policy: dict[tuple[object, ...], OnPolicy] = {}
        self._on_domains: dict[tuple[object, ...], Outcomes] = {}
        self._on_computer: dict[tuple[object, ...], Outcomes] = {}
        self._codes: dict[tuple[Outcomes, ...], str] = {}
        self._shares: dict[tuple[object, ...], tuple[Share, ...]] = {}
        self._profiles = self._profiles_of(pictures.people) if pictures.people else {}

    def shares(self, alike: Rows) -> Iterator[tuple[Rows, tuple[Share, ...]]]:
        """The answers for computers that are alike, those apart that the moment tells apart.

        Args:
            alike: Rows that :func:`assist.eligibility.many.computers.alike_of` put together.

        Yields:
            Some of the rows, and the experts by their answer. Every expert is in one share.
        """
        for moment, rows in self._by_moment(alike):
            yield rows, self._of_computer(ComputerRow(*rows[0]), moment)

    def _by_moment(self, alike: Rows) -> Iterator[tuple[Moment, Rows]]:
        """Computers that are alike, by what the portal's own rules of the moment tell apart."""
        pictures, first = self.pictures, ComputerRow(*alike[0]).typed()
        if not (pictures.active or pictures.crowded or pictures.protection.of_groups):
            yield Moment(protections=pictures.protection.of(first.ou_id, first.sid)), alike
            return
        found = defaultdict[Moment, Rows](list)
        for each in alike:
            row = ComputerRow(*each).typed()
            moment = Moment(
                is_busy=row.guid in pictures.active,
                is_crowded=row.guid in pictures.crowded,
                protections=pictures.protection.of(row.ou_id, row.sid),
            )
            found[moment].append(each)
        yield from found.items()

    def experts_in(self, experts: int) -> Iterator[Person]:
        """The people whose bits are set, in their order."""
        return (self.pictures.people[number] for number in _numbers(experts))

    def _of_computer(self, row: ComputerRow, moment: Moment) -> tuple[Share, ...]:
        if not self.pictures.people:
            return ()
        number, policy = self._policy(self._place(row))
        state = (
            *(row.domain_id, row.is_present, row.is_enabled, row.is_domain_controller),
            *(row.operating_system, row.operating_system_version, moment),
        )
        key = (number, row.allowed_to_authenticate, *state)
        found = self._shares.get(key)
        if found is None:
            row = row.typed()
            if state not in self._on_computer:
                self._on_computer[state] = self._judge_computer(row, moment)
            on_policy = self._by_policy(row, number, policy)
            found = tuple(self._joined(row, self._on_computer[state], on_policy))
            self._shares[key] = found
        return found

    def _joined(
        self, row: ComputerRow, on_computer: Outcomes, on_policy: OnPolicy
    ) -> Iterator[Share]:
        found = defaultdict[tuple[str, str], int](int)
        for (on_expert, home), of_profile in self._profiles.items():
            for on_domains, let_in in self._between(row, home, of_profile):
                for on_view, on_control, holders in on_policy:
                    experts = holders & let_in
                    if experts:
                        view = self._code(on_expert, on_computer, on_domains, on_view)
                        control = self._code(on_expert, on_computer, on_domains, on_control)
                        found[view, control] |= experts
        for (view, control), experts in found.items():
            yield Share(view, control, experts)

    def _code(self, *of_sides: Outcomes) -> str:
        found = self._codes.get(of_sides)
        if found is None:
            sides = (Side.EXPERT, Side.COMPUTER, Side.DOMAINS, Side.POLICY)
            found = code_of(dict(zip(sides, of_sides, strict=True)))
            self._codes[of_sides] = found
        return found

    # The sides of the decision, each with facts that are true as far as it looks at them.

    def _profiles_of(self, people: Iterable[Person]) -> Mapping[tuple[Outcomes, uuid.UUID], int]:
        found = defaultdict[tuple[Outcomes, uuid.UUID], int](int)
        for number, person in enumerate(people):
            facts = replace(self._facts(number, person.domain_id), activity=person.activity)
            on_expert = outcomes(facts, Mode.VIEW, self.pictures.now, Side.EXPERT)
            found[on_expert, person.domain_id] |= 1 << number
        return found

    def _judge_computer(self, row: ComputerRow, moment: Moment) -> Outcomes:
        facts = replace(
            self._facts(0, row.domain_id),
            computer=computer_facts(row, self._domain_reference(row.domain_id)),
            activity=Activity(
                Reference("offer", "", "") if moment.is_busy else None,
                0,
                1,
                offers_to_computer=int(moment.is_crowded),
            ),
            protections=moment.protections,
        )
        return outcomes(facts, Mode.VIEW, self.pictures.now, Side.COMPUTER)

    def _between(
        self, row: ComputerRow, home: uuid.UUID, experts: int
    ) -> Iterator[tuple[Outcomes, int]]:
        """Experts of one domain, by what the ways between the domains come to for them."""
        if not self._standing.way(row.domain_id, home).is_selective:
            key: tuple[object, ...] = (row.domain_id, home)
            if key not in self._on_domains:
                self._on_domains[key] = self._judge_domains(row, next(_numbers(experts)))
            yield self._on_domains[key], experts
            return
        entries = row.entries
        named = {sid for _, sid in entries} if isinstance(entries, list) else set()
        for number in _numbers(experts):
            held = self._standing.sids(number, row.domain_id) & named
            key = (row.domain_id, home, row.allowed_to_authenticate, held)
            if key not in self._on_domains:
                self._on_domains[key] = self._judge_domains(row, number, entries)
            yield self._on_domains[key], 1 << number

    def _judge_domains(self, row: ComputerRow, number: int, entries: Entries = None) -> Outcomes:
        memberships = self._standing.authenticated(number, row.domain_id, entries)
        facts = replace(self._facts(number, row.domain_id), expert_memberships=memberships)
        return outcomes(facts, Mode.VIEW, self.pictures.now, Side.DOMAINS)

    def _place(self, row: ComputerRow) -> Place:
        """Where a computer stands, as far as policy tells places apart."""
        picture = self.pictures.policy
        key: tuple[object, ...] = (
            row.domain_id,
            row.ou_id,
            row.is_domain_controller,
            row.primary_group_sid,
            row.sid if row.sid in self._singular else "",
            row.dns_name_folded if row.domain_id in self._by_address else "",
        )
        found = self._places.get(key)
        if found is None:
            found = picture.essence(picture.place_of(row.typed()))
            self._places[key] = found
        return found

    def _policy(self, place: Place) -> tuple[int, PolicyFacts]:
        """Policy in a place, and a number that is the same where the answers are."""
        found = self._policies.get(place)
        if found is None:
            facts = policy_facts(self.pictures.policy.at(place))
            number = self._signatures.setdefault(signature_of(facts), len(self._signatures))
            found = self._policies[place] = (number, facts)
        return found

    def _by_policy(self, row: ComputerRow, number: int, policy: PolicyFacts) -> OnPolicy:
        """Experts by what policy and the helper list come to for them."""
        asks = self._standing.is_caller_asked_for_permission(row.domain_id)
        key = (row.domain_id, number, row.allowed_to_authenticate if asks else None)
        found = self._on_policy.get(key)
        if found is None:
            caller = self._standing.caller(row.domain_id, row.entries if asks else None)
            merged = defaultdict[tuple[Outcomes, Outcomes], int](int)
            for experts in self._alike_on_list(row.domain_id, policy):
                base = self._facts(next(_numbers(experts)), row.domain_id)
                facts = replace(base, policy=policy, caller=caller)
                view, control = (
                    outcomes(facts, mode, self.pictures.now, Side.POLICY)
                    for mode in (Mode.VIEW, Mode.CONTROL)
                )
                merged[view, control] |= experts
            found = [(view, control, experts) for (view, control), experts in merged.items()]
            self._on_policy[key] = found
        return found

    def _alike_on_list(self, domain_id: uuid.UUID, policy: PolicyFacts) -> Iterator[int]:
        """Experts in groups that hold the same of what a helper list asks for."""
        holders = self._standing.holders(domain_id)
        lines = policy.helpers
        asked = {who.id for line in lines for who in (line.principal, *line.either) if who}
        groups = [self._everybody]
        for sid in {*asked, self._administrators(domain_id)}:
            for kind in KINDS:
                holding = holders.get((kind, sid), 0)
                if holding:
                    parts = ((group & holding, group & ~holding) for group in groups)
                    groups = [part for pair in parts for part in pair if part]
        yield from groups

    def _facts(self, number: int, domain_id: uuid.UUID) -> Facts:
        """Facts of an expert at any computer of a domain; all but that is left out."""
        pictures, memberships = self.pictures, self._standing.of(number, domain_id)
        oldest = oldest_domain(memberships.way)
        domain, nowhere = self._domain_reference(domain_id), Reference("computer", "", "")
        return Facts(
            expert=pictures.people[number].account,
            expert_memberships=memberships,
            computer=ComputerFacts(nowhere, domain, True, True, "", "", False),
            administrators_sid=self._administrators(domain_id),
            policy=NO_POLICY,
            caller=NOBODY,
            activity=NO_ACTIVITY,
            oldest_domain=Reference("domain", str(oldest.guid), oldest.dns_name),
            synced_at=oldest.synced_at,
            maximum_age=pictures.maximum_age,
            authority=self._authority,
        )

    def _administrators(self, domain_id: uuid.UUID) -> str:
        return f"{self.pictures.domains[domain_id].sid}-{DOMAIN_ADMINS}"

    def _domain_reference(self, domain_id: uuid.UUID) -> Reference:
        domain = self.pictures.domains[domain_id]
        return Reference("domain", str(domain.guid), domain.dns_name)


def _numbers(experts: int) -> Iterator[int]:
    while experts:
        lowest = experts & -experts
        yield lowest.bit_length() - 1
        experts ^= lowest


def signature_of(policy: PolicyFacts) -> Signature:
    """What the codes of the findings on a policy rest on: where it is the same, so are they."""
    return (
        policy.offers_allowed,
        policy.control_allowed,
        tuple(
            (
                line.principal.id if line.principal else "",
                tuple(unknown.code for unknown in line.unknowns),
                tuple(who.id for who in line.either),
            )
            for line in policy.helpers
        ),
        tuple((unknown.code, unknown.affects) for unknown in policy.unknowns),
        tuple(unknown.code for unknown in policy.further_helpers),
    )


def computer_facts(row: ComputerRow, domain: Reference) -> ComputerFacts:
    """What a decision rests on of a computer itself."""
    return ComputerFacts(
        reference=Reference("computer", str(row.guid), row.name),
        domain=domain,
        is_present=row.is_present,
        is_enabled=row.is_enabled,
        operating_system=row.operating_system,
        operating_system_version=row.operating_system_version,
        is_domain_controller=row.is_domain_controller,
    )
