"""Wrong configuration stops the start, with a hint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security)
def invitation_keys(**_: Any) -> list[CheckMessage]:
    """Invitations are encrypted at rest: without a key there is none."""
    hint = "Make one with `python manage.py invitation_key` and set INVITATION_KEYS."
    if not settings.INVITATION_KEYS:
        return [Error("INVITATION_KEYS is not set.", hint=hint, id="assist.E001")]
    for key in settings.INVITATION_KEYS:
        try:
            Fernet(key)
        except ValueError:
            message = "INVITATION_KEYS holds something that is not a Fernet key."
            return [Error(message, hint=hint, id="assist.E002")]
    return []


@register(Tags.security)
def service_account(**_: Any) -> list[CheckMessage]:
    """The portal calls computers with an account of its own, by keytab."""
    if not settings.SERVICE_PRINCIPAL:
        return [
            checks.Warning(
                "SERVICE_PRINCIPAL is not set: no offer can be made.",
                hint="Name the portal's account, as svc-ra-portal@R2.LOCAL.",
                id="assist.W001",
            )
        ]
    path = settings.SERVICE_KEYTAB_FILE
    if not path or not Path(path).is_file():
        return [
            checks.Info(
                f"SERVICE_KEYTAB_FILE is not a file here: {path or 'not set'}.",
                hint="Workers need it; a process that only serves pages does not.",
                id="assist.I001",
            )
        ]
    return []
