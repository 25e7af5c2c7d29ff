"""The audit events of a sign-in that succeeded."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest

from assist import audit
from assist.actors import Actor
from assist.views.access import actor_for
from portal.models import User


def note_sign_in(request: HttpRequest, user: User, *, method: str, now: datetime) -> None:
    """Record a sign-in, and whether the person has other roles than at the last one.

    Args:
        request: Of her who is signed in now.
        user: She.
        method: ``password`` or ``kerberos``.
        now: An aware time.
    """
    actor = actor_for(request)
    roles = ",".join(sorted(actor.roles))
    audit.record("sign_in", actor=actor, data={"method": method, "roles": roles}, now=now)
    if roles == user.roles:
        return
    audit.record(
        "roles.changed",
        actor=Actor.portal(actor.request_id),
        subject_kind="account",
        subject_id=actor.sid,
        subject_name=actor.name,
        data={"before": user.roles, "now": roles},
        now=now,
    )
    user.roles = roles
    user.save(update_fields=["roles"])
