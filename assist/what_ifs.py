"""What-ifs: asked by a manager, answered by a worker, shown while they grow and kept for a while.

Nothing is written to Active Directory, and nobody is contacted.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from assist import audit, enqueue
from assist.actors import Actor
from assist.eligibility.many.changes import Change
from assist.eligibility.many.naming import KINDS_BY_CODE, change_named
from assist.eligibility.many.what_if import what_if
from assist.errors import InvalidInput, NotAllowed, WhatIfNotFound, WhatIfRunning
from assist.models import WhatIf
from directory.errors import PortalError

MOST_CHANGES = 10
LONGEST_NAME = 1024
KEPT = 200  # what-ifs that have ended
EXAMPLES = 20  # of experts, of computers and of pairs, each
LOST = timedelta(minutes=5)  # much longer than loading takes, after which each second is a sign
MOST_ATTEMPTS = 3
STORE_SECONDS = 1.0


@dataclass(frozen=True)
class NamedChange:
    """A change as a person wrote it: a kind of ``naming.KINDS`` and its names by field."""

    kind: str
    names: Mapping[str, str]

    def to_json(self) -> dict[str, object]:
        return {"kind": self.kind, "names": dict(self.names)}

    @classmethod
    def from_json(cls, data: object) -> NamedChange:
        """What :meth:`to_json` wrote; it may come back by way of a browser.

        Raises:
            InvalidInput: It is something else.
        """
        item = data if isinstance(data, dict) else {}
        known, names = KINDS_BY_CODE.get(str(item.get("kind"))), item.get("names")
        texts = names if isinstance(names, dict) else {}
        is_usable = known and set(texts) == set(known.fields) and all(map(_is_name, texts.values()))
        if known is None or not is_usable:
            raise InvalidInput("One of the changes cannot be read.", remedy="Name it again.")
        return cls(known.code, texts)

    def understood(self) -> Change:
        """The change of the directory that is meant.

        Raises:
            PortalError: A name means nothing, or several things.
        """
        return change_named(self.kind, self.names)


class _Overtaken(Exception):
    """It was cancelled, or another worker took it."""


def require_manager(actor: Actor) -> None:
    """Lets managers and operators through.

    Raises:
        NotAllowed: The actor is neither.
    """
    if not actor.may_manage_readiness:
        raise NotAllowed(
            "What-ifs are for managers and the portal's operators.",
            remedy="Ask one of them.",
        )


def what_if_for(actor: Actor, what_if_id: str) -> WhatIf:
    """One what-if, whoever asked it.

    Raises:
        NotAllowed: The actor is neither a manager nor an operator.
        WhatIfNotFound: There is none with this id.
    """
    require_manager(actor)
    try:
        found = WhatIf.objects.filter(pk=uuid.UUID(what_if_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise WhatIfNotFound(
            "There is no such what-if.", remedy=f"The last {KEPT} are kept; ask again."
        )
    return found


def what_if_ask(
    *, actor: Actor, changes: Sequence[NamedChange], now: datetime | None = None
) -> WhatIf:
    """Have a worker find out what some changes together would give and take.

    Args:
        actor: A manager or an operator.
        changes: In their order.
        now: An aware time; the present if None.

    Raises:
        NotAllowed: The actor has neither role.
        InvalidInput: No change, or more than ``MOST_CHANGES``.
        PortalError: A name means nothing, or several things.
        WhatIfRunning: One of hers has not ended.
    """
    require_manager(actor)
    now = now or timezone.now()
    if not 1 <= len(changes) <= MOST_CHANGES:
        raise InvalidInput(f"Name one change at least, and {MOST_CHANGES} at most.")
    sentences = [str(change.understood()) for change in changes]
    try:
        with transaction.atomic():
            asked = WhatIf.objects.create(
                changes=[change.to_json() for change in changes],
                sentences=sentences,
                requested_by=actor.name,
                requested_by_sid=actor.sid,
                requested_at=now,
            )
            _record("what_if.asked", asked, actor, now)
            _forget_the_oldest()
            enqueue.answer_what_if(asked.pk)
    except IntegrityError as error:
        raise WhatIfRunning(
            "The last what-if that you asked has not ended.",
            remedy="Wait for it, or cancel it.",
        ) from error
    return asked


def what_if_cancel(*, actor: Actor, asked: WhatIf, now: datetime | None = None) -> None:
    """Give up the answer.

    Raises:
        NotAllowed: The actor is neither a manager nor an operator.
    """
    require_manager(actor)
    now = now or timezone.now()
    running = WhatIf.objects.filter(pk=asked.pk, state=WhatIf.State.RUNNING)
    with transaction.atomic():
        if running.update(state=WhatIf.State.CANCELLED, finished_at=now, worker=None):
            _record("what_if.cancelled", asked, actor, now)


def what_if_work(what_if_id: uuid.UUID, *, now: Callable[[], datetime] = timezone.now) -> None:
    """Find the answer and store it. Runs in a worker; may run twice.

    Args:
        what_if_id: The question.
        now: Gives an aware time.
    """
    worker = uuid.uuid4()
    if not _claim(what_if_id, worker, now()):
        return
    asked = WhatIf.objects.get(pk=what_if_id)
    try:
        changes = [NamedChange.from_json(item).understood() for item in asked.changes]
        answer = what_if(changes, now=now(), progress=_Progress(what_if_id, worker, now))
    except _Overtaken:
        return
    except PortalError as error:
        _end(what_if_id, worker, now(), error=f"{error.sentence} {error.remedy}".strip())
    except Exception:
        _end(
            what_if_id,
            worker,
            now(),
            error="The portal made a mistake. Ask again; if it happens again, tell the operator.",
        )
        raise
    else:
        computers = answer.computers
        _mine(what_if_id, worker).update(
            state=WhatIf.State.DONE,
            result=answer.to_json(EXAMPLES),
            total=computers,
            done=computers,
            worker=None,
            finished_at=now(),
        )


def what_ifs_to_continue(now: datetime) -> list[uuid.UUID]:
    """Those that no worker is at; gives up those that took several workers with them."""
    idle = WhatIf.objects.filter(_idle(now), state=WhatIf.State.RUNNING)
    idle.filter(attempts__gte=MOST_ATTEMPTS).update(
        state=WhatIf.State.FAILED,
        finished_at=now,
        worker=None,
        error=f"{MOST_ATTEMPTS} workers were lost over it. Tell the operator: a worker may have "
        "too little memory.",
    )
    return list(idle.values_list("pk", flat=True))


class _Progress:
    """Stores how far the answer is, once a second; notices that it is no longer wanted."""

    def __init__(
        self, what_if_id: uuid.UUID, worker: uuid.UUID, now: Callable[[], datetime]
    ) -> None:
        self._mine = _mine(what_if_id, worker)
        self._now = now
        self._stored_at = float("-inf")

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._stored_at < STORE_SECONDS:
            return
        if not self._mine.update(done=done, total=total, heartbeat_at=self._now()):
            raise _Overtaken
        self._stored_at = time.monotonic()


def _claim(what_if_id: uuid.UUID, worker: uuid.UUID, now: datetime) -> bool:
    free = WhatIf.objects.filter(_idle(now), pk=what_if_id, state=WhatIf.State.RUNNING)
    claimed = free.update(
        worker=worker, started_at=now, heartbeat_at=now, attempts=F("attempts") + 1
    )
    return claimed == 1


def _mine(what_if_id: uuid.UUID, worker: uuid.UUID) -> QuerySet[WhatIf]:
    return WhatIf.objects.filter(pk=what_if_id, worker=worker, state=WhatIf.State.RUNNING)


def _end(what_if_id: uuid.UUID, worker: uuid.UUID, now: datetime, error: str) -> None:
    _mine(what_if_id, worker).update(
        state=WhatIf.State.FAILED, error=error, worker=None, finished_at=now
    )


def _idle(now: datetime) -> Q:
    return Q(worker__isnull=True) | Q(heartbeat_at__lt=now - LOST)


def _forget_the_oldest() -> None:
    ended = WhatIf.objects.exclude(state=WhatIf.State.RUNNING).order_by("-requested_at")
    WhatIf.objects.filter(pk__in=list(ended.values_list("pk", flat=True)[KEPT:])).delete()


def _is_name(text: object) -> bool:
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_NAME:
        return False
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def _record(kind: str, asked: WhatIf, actor: Actor, now: datetime) -> None:
    audit.record(
        kind,
        actor=actor,
        subject_kind="what_if",
        subject_id=str(asked.pk),
        subject_name=str(asked)[:256],
        data={"changes": asked.sentences},
        now=now,
    )
