"""What is known of one expert, and of one computer and who could help it on a day."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from assist.actors import Actor
from assist.eligibility.decision import Decision
from assist.eligibility.many.answers import Allowed, experts_for
from assist.errors import InvalidInput
from assist.lifecycle import LABELS, State
from assist.models import AuditEvent, Offer
from assist.models.offer import OfferQuerySet
from assist.offers.reading import offers_for
from assist.reports.periods import EARLIEST, Period, read_day
from assist.reports.reach import lasting_pictures
from directory.membership import group_paths
from directory.models import Account, Computer, Domain, GroupPolicy, HelperEntry, SyncRun
from directory.models.base import DirectoryObject
from directory.names import UnknownName
from directory.policies import resultant_policy

_NEVER = datetime.min.replace(tzinfo=UTC)
MOST_EVENTS = 200  # of changes of helper lists, looked through for one person
MOST_DECISIONS = 200
NEAREST = 10
LIMITS_OF_EXPERT = (
    "Offers are known in full, with the group by which a helper list let the expert in.",
    "Whom helper lists let in is known as of the last synchronisation.",
    "Of each account, group and policy only the time of its last change is kept, as it was found.",
)
LIMITS_OF_COMPUTER = (
    "Certain: for everybody who asked on that day, the decision as it was taken and stored.",
    "Not known: what it would have been for those who did not ask.",
    "Memberships and policies of the past are not kept, only when each object last changed.",
    "Who may help now is who could help then only where nothing was found changed since.",
    "For that every domain has to have been read before the day was over, and again since.",
    "Even so protected hours and the portal's own settings are those of now.",
)


@dataclass(frozen=True)
class Way:
    """A line of a helper list that lets an expert in now.

    Attributes:
        through: The groups from hers to the one that is listed; empty: her account is.
        is_linked: Its policy is linked somewhere.
    """

    policy: str
    text: str
    through: tuple[str, ...]
    is_linked: bool


@dataclass(frozen=True)
class Change:
    """When something that bears on the answer was last found changed.

    Attributes:
        what: Account, group, policy, computer, unit, or an event of the audit trail.
        at: When a synchronisation found it; None: not since it was first read.
        run: The number of that synchronisation's run; 0: not known.
    """

    what: str
    name: str
    at: datetime | None
    run: int = 0


@dataclass(frozen=True)
class ExpertHistory:
    """What is known of an expert apart from her offers, which are read page by page."""

    sid: str
    name: str
    display_name: str
    is_known: bool
    ways: tuple[Way, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Told:
    """A decision that was stored with an offer."""

    offer: Offer
    is_allowed: bool
    sentence: str
    team: str

    @property
    def came_out(self) -> str:
        """How the offer came out."""
        return LABELS[State(self.offer.outcome or self.offer.state)]


@dataclass(frozen=True)
class DayOfComputer:
    """Who could help a computer on a day, as far as that is known.

    Attributes:
        day: The day, in the portal's time zone.
        decisions: Those taken on it, the first one first.
        nearest: Where there are none: the last ones before it and the first ones after.
        last_run: The last synchronisation that succeeded before the day was over.
        runs_since: How many found a change since the day began.
        changes: What bears on the answer, with its last change.
        allowed: Who may help now, where that is the answer for the day too; None: it may not be.
    """

    day: date
    decisions: tuple[Told, ...]
    nearest: tuple[Told, ...]
    last_run: SyncRun | None
    runs_since: int
    changes: tuple[Change, ...]
    allowed: tuple[Allowed, ...] | None


def expert_offers(actor: Actor, sid: str) -> OfferQuerySet:
    """The offers of one expert that a reader may see."""
    return offers_for(actor).of_expert(sid)


def expert_history(actor: Actor, sid: str) -> ExpertHistory:
    """What is known of an expert.

    Args:
        actor: Who reads: anybody of herself; managers, auditors and operators of everybody.
        sid: Whose.

    Raises:
        UnknownName: There is nobody with this SID, or not for this reader: both look the same.
    """
    account, last = None, None
    if actor.may_read_all_offers or (actor.sid and actor.sid == sid):
        account = Account.objects.select_related("domain").filter(sid=sid).first()
        last = expert_offers(actor, sid).order_by("-requested_at").first()
    if account is None and last is None:
        raise UnknownName(
            "There is no such expert.",
            remedy="Begin at the table of offers, or at your own history.",
            field="sid",
        )
    if account is None:
        assert last is not None  # noqa: S101 - one of both is there
        return ExpertHistory(sid, last.expert_name, "", False, (), ())
    ways, objects = _ways_of(account)
    changes = [_change("account", account, str(account)), *objects]
    if actor.may_read_audit_trail:
        changes += _events_naming(account)
    return ExpertHistory(
        sid, str(account), account.display_name, account.is_present, ways, _newest(changes)
    )


def computer_of(guid: uuid.UUID) -> Computer:
    """A computer whose history somebody asks for; also one that has left the directory.

    Raises:
        UnknownName: There is none with this GUID.
    """
    found = Computer.objects.select_related("domain", "ou").filter(pk=guid).first()
    if found is None:
        raise UnknownName(
            "There is no such computer.", remedy="Search for it by its name.", field="guid"
        )
    return found


def day_of_computer(
    actor: Actor, computer: Computer, day: date, now: datetime, *, decide: bool = True
) -> DayOfComputer:
    """Who could help a computer on a day.

    Args:
        actor: Sees her own decisions; managers, auditors and operators those of everybody.
        computer: With its domain and unit loaded.
        day: In the portal's time zone; from :func:`read_past_day`.
        now: An aware time.
        decide: Also on who may help now, which takes seconds in a large directory.
    """
    span = Period(day, day)
    offers = offers_for(actor).filter(computer=computer)
    of_day = offers.filter(requested_at__gte=span.begins_at, requested_at__lt=span.ends_at)
    decisions = _told(of_day.order_by("requested_at", "pk")[:MOST_DECISIONS])
    nearest: tuple[Told, ...] = ()
    if not decisions:
        before = offers.filter(requested_at__lt=span.begins_at).order_by("-requested_at")[:NEAREST]
        after = offers.filter(requested_at__gte=span.ends_at).order_by("requested_at")[:NEAREST]
        nearest = (*reversed(_told(before)), *_told(after))
    ended = SyncRun.objects.filter(state=SyncRun.State.SUCCEEDED)
    by_then = ended.filter(finished_at__lt=span.ends_at)
    of_domain = by_then.filter(domain_dns_name__iexact=computer.domain.dns_name)
    since = [run for run in ended.filter(finished_at__gte=span.begins_at).iterator() if _found(run)]
    is_same = day == timezone.localdate(now) or (not since and _all_read(by_then, span))
    allowed = None
    if decide and is_same and actor.may_read_audit_trail and computer.is_present:
        allowed = experts_for(computer, now=now, pictures=lasting_pictures(now)).allowed
    return DayOfComputer(
        day=day,
        decisions=decisions,
        nearest=nearest,
        last_run=of_domain.order_by("-finished_at").first(),
        runs_since=len(since),
        changes=_newest(_bearing_on(computer)),
        allowed=allowed,
    )


def read_past_day(text: str, today: date) -> date:
    """A day that is not yet to come; empty: today.

    Raises:
        InvalidInput: It is no day, or nothing can be known of it. Names the field.
    """
    day = read_day(text, "day") if text else today
    if day > today:
        raise InvalidInput(
            f"{day} is yet to come.", remedy=f"Ask for {today} or an earlier day.", field="day"
        )
    if day < EARLIEST:
        raise InvalidInput(
            f"{day} was before there was Remote Assistance.",
            remedy=f"Ask for {EARLIEST} or later.",
            field="day",
        )
    return day


def _ways_of(account: Account) -> tuple[tuple[Way, ...], list[Change]]:
    paths = {path.group.pk: path for path in group_paths(account)}
    entries = (
        HelperEntry.objects.filter(Q(account=account) | Q(group__in=list(paths)))
        .filter(policy__is_present=True)
        .select_related("policy", "group")
        .prefetch_related("policy__links")
        .order_by("policy__display_name", "position")
    )
    ways, changes = list[Way](), dict[uuid.UUID, Change]()
    for entry in entries:
        path = paths[entry.group_id].path if entry.group_id in paths else ()
        ways.append(
            Way(
                entry.policy.display_name,
                entry.text,
                tuple(str(group) for group in path),
                any(not link.is_disabled for link in entry.policy.links.all()),
            )
        )
        changes[entry.policy_id] = _change("policy", entry.policy, entry.policy.display_name)
        changes |= {group.pk: _change("group", group, str(group)) for group in path}
    return tuple(ways), list(changes.values())


def _events_naming(account: Account) -> list[Change]:
    """Events of the audit trail on changes of helper lists that name somebody."""
    wanted = {account.sid, str(account).lower()}
    events = AuditEvent.objects.filter(kind__startswith="helper_list.").order_by("-pk")
    return [
        Change("audit event", event.kind, event.at)
        for event in events[:MOST_EVENTS]
        if event.subject_id == account.sid or wanted & set(_texts(event.data))
    ]


def _texts(data: object) -> Iterable[str]:
    if isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)
    elif isinstance(data, str):
        yield from (data, data.lower())


def _bearing_on(computer: Computer) -> list[Change]:
    found = [_change("computer", computer, computer.name)]
    if computer.ou:
        found.append(_change("unit", computer.ou, computer.ou.distinguished_name))
    considered = resultant_policy(computer).considered
    guids = {item.link.policy.guid for item in considered if item.link.policy}
    policies = GroupPolicy.objects.filter(pk__in=guids).defer("security_descriptor")
    found += [_change("policy", policy, policy.display_name) for policy in policies]
    groups = {
        entry.group.pk: entry.group
        for entry in HelperEntry.objects.filter(policy__in=guids, group__isnull=False)
        .select_related("group__domain")
        .iterator()
        if entry.group
    }
    return found + [_change("group", group, str(group)) for group in groups.values()]


def _change(what: str, row: DirectoryObject, name: str) -> Change:
    return Change(what, name, row.recorded_at, row.recorded_run)


def _newest(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: change.at or _NEVER, reverse=True))


def _told(offers: Iterable[Offer]) -> tuple[Told, ...]:
    return tuple(_decision_of(offer) for offer in offers)


def _decision_of(offer: Offer) -> Told:
    taken = Decision.from_json(offer.contact_decision or offer.decision)
    return Told(offer, taken.is_allowed, taken.sentence, offer.team_name)


def _all_read(by_then: QuerySet[SyncRun], span: Period) -> bool:
    """Whether every domain was read before a day was over, and compared again since."""
    read = set(by_then.values_list("domain_id", flat=True).distinct())
    return all(
        domain.pk in read and domain.synced_at is not None and domain.synced_at >= span.ends_at
        for domain in Domain.objects.filter(is_present=True)
    )


def _found(run: SyncRun) -> bool:
    return bool(run.added or run.changed or run.removed)
