"""Pseudonyms: takes the name of a novice out of what the portal keeps, and leaves the chain whole.

The audit trail holds salted digests of what tells who a novice is; salts and values lie apart and
are deleted. Offers, their steps, evidence and decisions get a pseudonym in the name's place.
docs/audit-format.md says what that does and what it cannot do.
"""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, quote_plus

from django.db import models, transaction
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.errors import InvalidInput, OfferConflict
from assist.models import (
    Approval,
    AuditEvent,
    AuditPersonal,
    ComputerReadiness,
    Evidence,
    LogonSessionChoice,
    Offer,
    OfferTransition,
    SavedView,
    WindowsEvent,
)
from directory.errors import PortalError
from directory.models import Account
from directory.names import find_account

_SID = re.compile(r"S-1-\d+(-\d+)+", re.IGNORECASE)
_BARE = re.compile(r"^[^\\]*\\|@.*$")
_AT_ONCE = 500
SEARCHED = "computer.searched"


@dataclass(frozen=True)
class Novice:
    """Whom the marks name.

    Attributes:
        sids: Of the person, as far as known.
        names: As ``DOMAIN\\name``, ``domain.dns\\name`` and ``name@domain.dns``.
    """

    sids: frozenset[str]
    names: frozenset[str]

    @property
    def marks(self) -> list[str]:
        """What must not be found any more, the longest first."""
        return sorted(self.sids | self.names, key=lambda mark: (-len(mark), mark))


@dataclass(frozen=True)
class Pseudonymised:
    """What was done.

    Attributes:
        pseudonym: What stands in the name's place.
        offers: Offers to the person, or for which the person was wanted.
        rows: Rows of other tables that named the person.
        personal: Personal values, with their salts, that were deleted from the audit trail.
        in_chain: Audit events that hold name or SID in the chain itself; they stay as they are.
        first_in_chain: The position of the first of them, if it is sealed.
    """

    pseudonym: str
    offers: int
    rows: int
    personal: int
    in_chain: int
    first_in_chain: int | None


def novice_named(text: str) -> Novice:
    r"""The person of a name or SID, by the directory and by the offers that there are.

    Args:
        text: ``R2\bob``, ``bob@r2.local`` or a SID; a person that the directory has forgotten is
            found by what offers say.

    Raises:
        InvalidInput: It is neither a SID nor a name with its domain, and the directory does not
            know it.
        PortalError: Several accounts answer to it.
    """
    text = text.strip()
    account = _account(text)
    sids = {account.sid} if account else {text.upper()} if _SID.fullmatch(text) else set()
    names = _names_of(account) if account else set()
    if not sids:
        if not re.fullmatch(r"[^\\@]+[\\@][^\\@]+", text):
            raise InvalidInput(
                "The directory knows nobody of that name.",
                remedy=r"Give the name with its domain, as R2\bob, or the SID.",
                field="novice",
            )
        names.add(text)
        sids |= set(
            _offers_to(Novice(frozenset(), frozenset(names))).values_list("novice_sid", flat=True)
        )
        sids.discard("")
    names |= set(Offer.objects.filter(novice_sid__in=sids).values_list("novice_name", flat=True))
    return Novice(frozenset(sids), frozenset(name for name in names if "\\" in name or "@" in name))


@transaction.atomic
def novice_pseudonymise(
    *,
    actor: Actor,
    novice: Novice,
    reason: str,
    dry_run: bool = False,
    now: datetime | None = None,
) -> Pseudonymised:
    """Put a pseudonym in the place of a person's name, for good.

    Args:
        actor: Who does it.
        novice: The person.
        reason: Why, for the audit trail; the person's name in it is replaced too.
        dry_run: Find out what would be done, and do nothing.
        now: An aware time; the present if None.

    Raises:
        InvalidInput: There is no reason.
        OfferConflict: An offer to the person has not ended.
    """
    if not reason.strip():
        raise InvalidInput(
            "There is no reason.", remedy="Say why: the request, its date.", field="reason"
        )
    offers = list(_offers_to(novice))
    listed = _choices_of(novice).filter(offer__ended_at=None)
    if any(not offer.is_ended for offer in offers) or listed.exists():
        raise OfferConflict(
            "An offer to this person has not ended.", remedy="Try again when it has."
        )
    pen = _Pen(novice, f"person-{secrets.token_hex(4)}")
    numbers = [offer.pk for offer in offers]
    _rewrite_offers(offers, pen)
    rows = _rewrite_beside(numbers, pen)
    personal = _erase_personal(numbers, pen)
    in_chain, first = _in_chain(pen)
    done = Pseudonymised(pen.pseudonym, len(offers), rows, personal, in_chain, first)
    audit.record(
        "audit.pseudonymised",
        actor=actor,
        subject_kind="novice",
        subject_id=pen.pseudonym,
        subject_name=pen.pseudonym,
        data={
            "reason": pen.text(reason.strip()),
            "offers": done.offers,
            "rows": done.rows,
            "erased": done.personal,
            "in_chain": done.in_chain,
        },
        now=now or timezone.now(),
    )
    if dry_run:
        transaction.set_rollback(True)
    return done


class _Pen:
    """Writes the pseudonym where a text names the person."""

    def __init__(self, novice: Novice, pseudonym: str) -> None:
        self.novice = novice
        self.pseudonym = pseudonym
        self._marks = _pattern(novice.marks)
        self._quoted = _pattern(
            {form(mark) for mark in novice.marks for form in (quote, quote_plus)}
        )

    def text(self, text: str) -> str:
        return self._marks.sub(self.pseudonym, text)

    def address(self, text: str) -> str:
        """The same in the query of a page's address."""
        return self._quoted.sub(self.pseudonym, self.text(text))

    def value(self, value: Any) -> Any:
        """The same in JSON, names of members included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

    def found_in(self, column: str) -> Q:
        """Rows whose text may name the person; as JSON writes it too."""
        found = Q()
        for mark in self.novice.marks:
            found |= Q(**{f"{column}__icontains": mark})
            found |= Q(**{f"{column}__icontains": json.dumps(mark, ensure_ascii=False)[1:-1]})
        return found


def _pattern(marks: Iterable[str]) -> re.Pattern[str]:
    """Whole names alone: R2\\bob is not in R2\\bobby, nor in XR2\\bob."""
    ordered = sorted(marks, key=len, reverse=True)
    either = "|".join(map(re.escape, ordered)) or "(?!)"
    return re.compile(rf"(?<![\w-])(?:{either})(?!-?\.?\w)", re.IGNORECASE)


def _account(text: str) -> Account | None:
    try:
        return find_account(text, field="novice")
    except PortalError as error:
        if error.code == "ambiguous_name":
            raise
        return None


def _names_of(account: Account) -> set[str]:
    sam, domain = account.sam_account_name, account.domain
    names = {
        str(account),
        f"{domain.netbios_name}\\{sam}",
        f"{domain.dns_name}\\{sam}",
        f"{sam}@{domain.dns_name}",
    }
    return names | ({account.user_principal_name} if account.user_principal_name else set())


def _any_of(column: str, names: Iterable[str]) -> Q:
    found = Q(pk__in=[])
    for name in names:
        found |= Q(**{f"{column}__iexact": name})
    return found


def _offers_to(novice: Novice) -> QuerySet[Offer]:
    """By SID; by name where the SID is not known, since names are given anew to others."""
    by_name = _any_of("novice_name", novice.names)
    if novice.sids:
        by_name &= Q(novice_sid="")
    return Offer.objects.filter(
        Q(novice_sid__in=novice.sids) | by_name | _any_of("wanted_user", novice.names)
    )


_DECISIONS = ("decision", "contact_decision", "release_decision")


def _rewrite_offers(offers: list[Offer], pen: _Pen) -> None:
    texts = ("novice_name", "wanted_user", "target", "reason", "end_sentence", "end_remedy")
    for offer in offers:
        for name in texts:
            setattr(offer, name, pen.text(getattr(offer, name)))
        for name in _DECISIONS:
            setattr(offer, name, pen.value(getattr(offer, name)))
        if offer.novice_sid in pen.novice.sids:
            offer.novice_sid = ""
    for start in range(0, len(offers), _AT_ONCE):
        Offer.objects.bulk_update(
            offers[start : start + _AT_ONCE], [*texts, *_DECISIONS, "novice_sid"]
        )


def _rewrite_beside(offers: list[uuid.UUID], pen: _Pen) -> int:
    """What other tables say of the person; returns how many rows did."""
    sids = pen.novice.sids
    count = 0
    for rows, column in (
        (OfferTransition.objects.all(), "sentence"),
        (Evidence.objects.all(), "sentence"),
        (Approval.objects.all(), "reason"),
    ):
        found = rows.filter(_in_batches("offer_id", offers) | pen.found_in(column))
        count += _rewrite(found, column, pen)
    readiness = ComputerReadiness.objects.annotate(text=Cast("results", TextField()))
    count += _rewrite(readiness.filter(pen.found_in("text")), "results", pen)
    events = WindowsEvent.objects.annotate(text=Cast("data", TextField()))
    own = Q(user_sid__in=sids) | _in_batches("offer_id", offers)
    count += _rewrite(events.filter(own | pen.found_in("text")), "data", pen)
    count += WindowsEvent.objects.filter(user_sid__in=sids).update(user_sid="")
    for view in SavedView.objects.all():
        query = pen.address(view.query)
        if query != view.query:
            SavedView.objects.filter(pk=view.pk).update(query=query)
            count += 1
    return count + _choices_of(pen.novice).delete()[0]


def _choices_of(novice: Novice) -> QuerySet[LogonSessionChoice]:
    """Logon sessions of the person, kept from when an expert had to choose."""
    found = Q(pk__in=[])
    for name in novice.names:
        domain, _, user = name.partition("\\")
        found |= Q(domain_name__iexact=domain, user_name__iexact=user)
    return LogonSessionChoice.objects.filter(found)


def _rewrite(rows: QuerySet[Any], column: str, pen: _Pen) -> int:
    model: type[models.Model] = rows.model
    changed = []
    for row in rows.iterator(_AT_ONCE):
        before = getattr(row, column)
        after = pen.value(before)
        if after != before:
            setattr(row, column, after)
            changed.append(row)
    model._default_manager.bulk_update(changed, [column], batch_size=_AT_ONCE)
    return len(changed)


def _erase_personal(offers: list[uuid.UUID], pen: _Pen) -> int:
    """Delete salts and values of the trail: of the offers, and wherever they name the person."""
    named = [
        row.pk
        for row in AuditPersonal.objects.filter(pen.found_in("value")).iterator(_AT_ONCE)
        if pen.text(row.value) != row.value
    ]
    # Whoever searched may have typed the name without its domain.
    bare = _pattern({_BARE.sub("", name) for name in pen.novice.names})
    named += [
        row.pk
        for row in AuditPersonal.objects.filter(event__kind=SEARCHED).iterator(_AT_ONCE)
        if bare.search(row.value)
    ]
    count = 0
    for start in range(0, len(named), _AT_ONCE):
        count += AuditPersonal.objects.filter(pk__in=named[start : start + _AT_ONCE]).delete()[0]
    for batch in _batches(offers):
        count += AuditPersonal.objects.filter(event__offer_id__in=batch).delete()[0]
    return count


def _in_chain(pen: _Pen) -> tuple[int, int | None]:
    """How many events name the person in the chain itself, and the position of the first."""
    events = AuditEvent.objects.annotate(text=Cast("data", TextField())).filter(
        Q(subject_id__in=pen.novice.sids)
        | Q(actor_sid__in=pen.novice.sids)
        | pen.found_in("subject_name")
        | pen.found_in("actor_name")
        | pen.found_in("text")
    )
    count, first = 0, None
    for event in events.select_related("seal").order_by("pk").iterator(_AT_ONCE):
        told = [event.subject_id, event.subject_name, event.actor_sid, event.actor_name]
        if pen.value([told, event.data]) == [told, event.data]:
            continue
        count += 1
        seal = getattr(event, "seal", None)
        if first is None and seal is not None:
            first = seal.position
    return count, first


def _in_batches(column: str, numbers: list[uuid.UUID]) -> Q:
    found = Q(pk__in=[])
    for batch in _batches(numbers):
        found |= Q(**{f"{column}__in": batch})
    return found


def _batches(numbers: list[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    for start in range(0, len(numbers), _AT_ONCE):
        yield numbers[start : start + _AT_ONCE]
