"""Verification: walks the chain and names the first event that is not what was sealed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import connection

from assist.audit.canonical import seal_hash
from assist.audit.rows import fields_of
from assist.audit.signing import Checkpoint, parse_private_key
from assist.audit.stubs import Gaps, read_gaps
from assist.audit.walking import Walked, walk_by_copy, walk_by_rows
from assist.models import AuditEvent, AuditSeal

CHUNK = 20_000  # positions that are read at once
_ROWS = 500


@dataclass(frozen=True)
class BadEvent:
    """Where the chain breaks first, and how.

    Attributes:
        position: In the chain; None for an event that has no place there.
        event_id: The event's; None where none can be named.
        kind: The event's, as far as it is there.
        sentence: What is wrong.
    """

    position: int | None
    event_id: int | None
    kind: str
    sentence: str

    @property
    def place(self) -> str:
        """Where it breaks, as a sentence."""
        if self.position is None:
            return "The chain is not the whole trail."
        return f"The chain breaks at position {self.position}."


@dataclass(frozen=True)
class Verification:
    """What ``verify`` found.

    Attributes:
        count: Sealed events that hold, up to the first bad one.
        unsealed: Events not yet in the chain.
        first_bad: The first break, or None.
        first: The position that was looked at first; the hash before it was taken as it stands.
        removed: Events of that part that retention removed, each under a signed stub.
    """

    count: int
    unsealed: int
    first_bad: BadEvent | None
    first: int = 1
    removed: int = 0

    @property
    def holds(self) -> bool:
        return self.first_bad is None


def verify(
    progress: Callable[[int], None] | None = None,
    *,
    first: int = 1,
    last: int | None = None,
    checkpoints: Sequence[Checkpoint] = (),
    connections: int = 1,
    public_key: Ed25519PublicKey | None = None,
) -> Verification:
    """Walk the chain and find the first event that was edited, removed, inserted or moved.

    Args:
        progress: Called now and then with the number of events that hold so far.
        first: The position to begin at, from 1.
        last: The position to end at; the chain's end if None.
        checkpoints: What the chain was. Without them nobody can tell a chain whose tail was cut
            off, or that was computed anew, from a whole one.
        connections: On PostgreSQL, how many connections read at the same time; with more than
            one they are new ones, which see only what is committed.
        public_key: That signed the stubs of removed ranges; of AUDIT_CHECKPOINT_KEY if None.
    """
    key = public_key or _own_key()
    while True:
        gaps = read_gaps(key)
        end = end_of_chain()
        until = end if last is None else min(last, end)
        unsealed, astray = _outside_the_chain()
        count, bad = _walk(first, until, progress, connections, gaps)
        bad = _first(bad, _against(checkpoints, end, gaps)) or _left_over(gaps)
        if bad is None or read_gaps(key) == gaps:
            removed = gaps.removed(first, until)
            return Verification(count, unsealed, bad or astray, first, removed)
        # Retention removed a range meanwhile.


def first_bad_in(first: int, last: int) -> BadEvent | None:
    """The first break in a range, taking the hash before it as it stands."""
    return _walk(first, last, None, 1, Gaps())[1]


def _own_key() -> Ed25519PublicKey | None:
    key = settings.AUDIT_CHECKPOINT_KEY
    return parse_private_key(key).public_key() if key else None


def _left_over(gaps: Gaps) -> BadEvent | None:
    """A stub that cannot be relied upon, although the walk found nothing missing there."""
    for position, what in sorted((gaps.refused or {}).items()):
        return BadEvent(position, None, "", _refused_stub(position, what))
    return None


def _refused_stub(position: int, what: str) -> str:
    return f"The stub at position {position}, for removed events, {what}."


def end_of_chain() -> int:
    """The last position; 0 while the chain is empty."""
    last = AuditSeal.objects.order_by("-position").first()
    return last.position if last else 0


def _walk(
    first: int,
    until: int,
    progress: Callable[[int], None] | None,
    connections: int,
    gaps: Gaps,
) -> tuple[int, BadEvent | None]:
    chunks = [
        (low, min(low + CHUNK - 1, high))
        for start, high in gaps.segments(first, until)
        for low in range(start, high + 1, CHUNK)
    ]
    count = 0
    if connection.vendor == "postgresql":
        walked = walk_by_copy(chunks, connections)
    else:
        walked = walk_by_rows(chunks)
    for chunk in walked:
        # What COPY did not confirm is looked at row by row: it may be of another version.
        good, bad = _by_rows(chunk)
        if chunk.false is not None and chunk.false < good:
            good, bad = chunk.false, _false_personal(chunk.false)
        count += good - chunk.low
        if bad:
            what = (gaps.refused or {}).get(bad.position or 0)
            if what:
                bad = replace(bad, sentence=_refused_stub(bad.position or 0, what))
            return count, bad
        if progress:
            progress(count)
    return count, None


def _by_rows(chunk: Walked) -> tuple[int, BadEvent | None]:
    """The position up to which the chunk holds, exclusive, and what breaks there.

    The events are looked up apart from the seals: a join would silently leave out a seal whose
    event is gone.
    """
    position, previous = chunk.next, chunk.previous
    if position > chunk.high:
        return position, None
    before = AuditSeal.objects.filter(position=position - 1).first()
    version = before.version if before else 0
    while position <= chunk.high:
        upto = min(position + _ROWS - 1, chunk.high)
        seals = list(AuditSeal.objects.filter(position__range=(position, upto)))
        events = AuditEvent.objects.in_bulk([seal.event_id for seal in seals])
        for seal in seals:
            event = events.get(seal.event_id)
            sentence = _what_is_wrong(seal, event, position, previous, version)
            if sentence:
                kind = event.kind if event else ""
                return position, BadEvent(position, seal.event_id, kind, sentence)
            position, previous, version = position + 1, seal.hash, seal.version
        if position <= upto:
            sentence = _removed(position)
            return position, BadEvent(position, None, "", sentence)
    return position, None


def _what_is_wrong(
    seal: AuditSeal, event: AuditEvent | None, position: int, previous: str, version: int
) -> str:
    if seal.position != position:
        return _removed(position)
    if event is None:
        return f"Event {seal.event_id} was removed."
    if seal.previous_hash != previous:
        return f"Event {event.pk} does not follow the one before it: the order was changed."
    changed = f"Event {event.pk} is not what was sealed: it was changed."
    if seal.version < version:
        return changed
    try:
        found = seal_hash(
            seal.version,
            seal.algorithm,
            position=position,
            previous=previous,
            sealed_at=seal.sealed_at,
            event=fields_of(event),
        )
    except ValueError:
        return changed
    return "" if found == seal.hash else changed


def _false_personal(position: int) -> BadEvent:
    event = AuditEvent.objects.get(seal__position=position)
    sentence = f"What is kept about the novice of event {event.pk} is not what was recorded."
    return BadEvent(position, event.pk, event.kind, sentence)


def _removed(position: int) -> str:
    return f"The chain has no event at position {position}: it was removed."


def _against(checkpoints: Sequence[Checkpoint], end: int, gaps: Gaps) -> BadEvent | None:
    """What the checkpoints contradict first, in a chain that ends at this position.

    Of a removed range the stub tells the first and the last hash; between them nothing is known.
    """
    wanted = sorted(checkpoints, key=lambda checkpoint: checkpoint.position)
    positions = [checkpoint.position for checkpoint in wanted]
    seals: dict[int, AuditSeal] = {}
    for start in range(0, len(positions), _ROWS):
        seals |= AuditSeal.objects.in_bulk(positions[start : start + _ROWS])
    held = 0
    for checkpoint in wanted:
        if checkpoint.position > end:
            return BadEvent(
                end + 1,
                None,
                "",
                f"The chain ends at position {end}, but a checkpoint saw position "
                f"{checkpoint.position}: its tail was cut off.",
            )
        if checkpoint.position == 0:
            continue  # of an empty chain
        seal = seals.get(checkpoint.position)
        found = seal.hash if seal else None
        if seal is None and (stub := gaps.covering(checkpoint.position)):
            ends = {stub.first: stub.first_hash, stub.last: stub.last_hash}
            found = ends.get(checkpoint.position, checkpoint.hash)
        if found != checkpoint.hash:
            return BadEvent(
                checkpoint.position,
                seal.event_id if seal else None,
                "",
                f"The checkpoint at position {checkpoint.position} saw another chain: events "
                f"from position {held + 1} to there were changed and sealed anew.",
            )
        held = checkpoint.position
    return None


def _first(one: BadEvent | None, other: BadEvent | None) -> BadEvent | None:
    if one is None or other is None:
        return one or other
    return one if (one.position or 0) <= (other.position or 0) else other


def _outside_the_chain() -> tuple[int, BadEvent | None]:
    """How many events wait for their seal, and the first that neither waits nor has one.

    The sums come first: they are cheap and nearly always right, and one statement sees one
    moment. That every seal has its event is what the walk finds.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM assist_auditevent),"
            " (SELECT count(*) FROM assist_auditseal),"
            " (SELECT count(*) FROM assist_auditunsealed)"
        )
        events, seals, waiting = cursor.fetchone()
        if events == seals + waiting:
            return waiting, None
        cursor.execute(_NEITHER)
        neither = cursor.fetchone()
        if neither:
            sentence = (
                f"Event {neither[0]} neither has a seal nor waits for one: "
                "it was inserted past the portal."
            )
            return waiting, BadEvent(None, neither[0], neither[1], sentence)
        cursor.execute(_GONE)
        gone = cursor.fetchone()
        if gone:
            sentence = f"Event {gone[0]} was removed before it was sealed."
            return waiting, BadEvent(None, gone[0], "", sentence)
        cursor.execute(_BOTH)
        both = cursor.fetchone()
    if both is None:
        return waiting, None  # an event is gone, which the walk names
    sentence = f"Event {both[0]} waits for a seal although it has one."
    return waiting, BadEvent(None, both[0], "", sentence)


_NEITHER = """
SELECT event.id, event.kind FROM assist_auditevent event
  LEFT JOIN assist_auditseal seal ON seal.event_id = event.id
  LEFT JOIN assist_auditunsealed waiting ON waiting.event_id = event.id
 WHERE seal.event_id IS NULL AND waiting.event_id IS NULL
 ORDER BY event.id LIMIT 1
"""
_GONE = """
SELECT waiting.event_id FROM assist_auditunsealed waiting
  LEFT JOIN assist_auditevent event ON event.id = waiting.event_id
 WHERE event.id IS NULL ORDER BY waiting.event_id LIMIT 1
"""
_BOTH = """
SELECT waiting.event_id FROM assist_auditunsealed waiting
  JOIN assist_auditseal seal ON seal.event_id = waiting.event_id
 ORDER BY waiting.event_id LIMIT 1
"""
