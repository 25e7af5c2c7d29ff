"""The audit event of settings: what the portal runs with, when that is not what it ran with."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from assist import audit
from assist.actors import Actor
from assist.models import AuditEvent

# Who may do what, on whose authority, at which computers, and what is recorded of it.
BEGINNINGS = (
    "ACCEPTED_",
    "ANSWER_",
    "APPROVAL_",
    "AUDIT_",
    "CONTACT_",
    "DIRECTORY_",
    "EVENT_LOG_",
    "HANDED_TICKET_",
    "INVITATION_",
    "LAUNCH_",
    "NOVICE_",
    "OFFER",
    "OPENING_",
    "ROLE_",
    "SERVICE_",
    "SIGN_IN_",
    "SINGLE_SIGN_ON_",
    "WORKER_ADDRESSES",
)
SECRETS = ("KEY", "KEYS", "PASSWORD", "TOKEN")  # ends of names; files of secrets end otherwise


def note_settings() -> None:
    """Record the settings if they are not those of the event before.

    Called by the clock in workers, so that a change is in the trail soon after they were started
    with it. Web processes are to have the same environment.
    """
    now = settings_in_force()
    last = AuditEvent.objects.filter(kind="settings.changed").order_by("-id").first()
    before = dict(last.data["settings"]) if last else {}
    if now == before:
        return
    names = sorted(before.keys() | now.keys())
    changed = {
        name: {"before": before.get(name, ""), "now": now.get(name, "")}
        for name in names
        if before.get(name) != now.get(name)
    }
    audit.record(
        "settings.changed", actor=Actor.portal(), data={"changed": changed, "settings": now}
    )


def settings_in_force() -> dict[str, str]:
    """The settings that matter for the trail, by name; no secrets."""
    names = (
        name
        for name in dir(settings)
        if name.startswith(BEGINNINGS) and not name.endswith(SECRETS) and name.isupper()
    )
    return {name: _text(getattr(settings, name)) for name in names}


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(value[key])}" for key in sorted(value))
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(str(item) for item in value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}"
    return str(value)
