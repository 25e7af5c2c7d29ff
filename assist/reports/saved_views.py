"""Tables of offers that a reader comes back to."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from assist import audit
from assist.actors import Actor
from assist.errors import InvalidInput
from assist.models import SavedView

MOST = 50
LONGEST_QUERY = 4000


def views_of(actor: Actor) -> QuerySet[SavedView]:
    """Her own views, by name."""
    return SavedView.objects.filter(owner_sid=actor.sid)


@transaction.atomic
def view_save(*, actor: Actor, name: str, query: str, now: datetime) -> SavedView:
    """Keep a table under a name; one of that name is replaced.

    Args:
        actor: Whose it is.
        name: 1 to 100 characters.
        query: The table's address, behind its question mark, as ``Chosen.query`` makes it.
        now: An aware time.

    Raises:
        InvalidInput: The name cannot be used, or there are too many; names the field.
    """
    name = " ".join(name.split())
    if not name or len(name) > 100 or "\x00" in name:
        raise InvalidInput(
            "The view has no name, or one that is too long.",
            remedy="Name it in 100 characters at most.",
            field="name",
        )
    if len(query) > LONGEST_QUERY:
        raise InvalidInput(
            "The table's address is too long to be kept.",
            remedy="Use fewer filters.",
            field="query",
        )
    if views_of(actor).exclude(name=name).count() >= MOST:
        raise InvalidInput(
            f"There are {MOST} views already.", remedy="Forget one first.", field="name"
        )
    view, _ = SavedView.objects.update_or_create(
        owner_sid=actor.sid, name=name, defaults={"query": query, "saved_at": now}
    )
    audit.record(
        "report.view_saved",
        actor=actor,
        subject_kind="report",
        subject_id="report-offers",
        subject_name=name,
        data={"query": query[:2000]},
        now=now,
    )
    return view


@transaction.atomic
def view_forget(*, actor: Actor, view_id: int) -> None:
    """Forget one of her views; nothing happens where there is none."""
    view = views_of(actor).filter(pk=view_id).first()
    if view is None:
        return
    name = view.name
    view.delete()
    audit.record(
        "report.view_forgotten",
        actor=actor,
        subject_kind="report",
        subject_id="report-offers",
        subject_name=name,
    )
