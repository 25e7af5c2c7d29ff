"""What an expert may type into an offer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from assist.errors import InvalidInput
from directory.comparison import fold_name
from directory.models import Computer
from directory.names import find_account

_TICKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:#/-]{0,63}")
_REASON_LENGTH = 500
# [MS-SAMR] and the shell's own dialogs refuse these in account names.
_LOCAL_NAME = re.compile(r'[^\x00-\x1f\x7f"/\\\[\]:;|=,+*?<>@]{1,104}')


def require_choice(field: str, value: str, choices: Sequence[str]) -> str:
    """The value, if it is one of the choices.

    Raises:
        InvalidInput: It is not.
    """
    if value not in choices:
        raise InvalidInput(
            f"{field.capitalize()} is none of {', '.join(choices)}.",
            remedy=f"Choose one of {', '.join(choices)}.",
            field=field,
        )
    return str(value)


def require_ticket(text: str) -> str:
    """A reference to a ticket, or nothing.

    Raises:
        InvalidInput: Too long, or characters that no ticket system writes.
    """
    text = text.strip()
    if text and not _TICKET.fullmatch(text):
        raise InvalidInput(
            "The ticket is not a ticket reference.",
            remedy="Use at most 64 letters, digits, spaces and . _ : # / - and begin with a letter "
            "or digit.",
            field="ticket",
        )
    return text


def require_reason(text: str) -> str:
    """The reason, or nothing.

    Raises:
        InvalidInput: Too long, or with characters that cannot be shown.
    """
    text = text.strip()
    if len(text) > _REASON_LENGTH:
        raise InvalidInput(
            f"The reason is longer than {_REASON_LENGTH} characters.",
            remedy="Shorten it.",
            field="reason",
        )
    if any(not (character.isprintable() or character in "\r\n\t") for character in text):
        raise InvalidInput(
            "The reason contains characters that cannot be shown.",
            remedy="Type it anew instead of pasting it.",
            field="reason",
        )
    return text


def require_start(start_at: datetime | None, now: datetime) -> datetime | None:
    """A time to start at that lies ahead, but not too far.

    Raises:
        InvalidInput: It has passed, has no zone, or is later than ``LATEST_START_SECONDS`` allows.
    """
    if start_at is None:
        return None
    latest = timedelta(seconds=settings.LATEST_START_SECONDS)
    if start_at.tzinfo is None or start_at <= now:
        raise InvalidInput(
            "The time to start at has passed.",
            remedy="Choose a time to come, or offer help at once.",
            field="start_at",
        )
    if start_at - now > latest:
        raise InvalidInput(
            f"The time to start at is more than {latest} ahead.",
            remedy="Choose an earlier time.",
            field="start_at",
        )
    return start_at


def require_wanted_user(text: str, computer: Computer) -> str:
    """The wanted novice as ``DOMAIN\\name``, or nothing.

    An account of the computer itself (``XP191\\guest``) is no object of the directory and is
    taken as typed.

    Raises:
        PortalError: Nobody of that name, or several; ``field`` is ``wanted_user``.
    """
    text = text.strip()
    if not text:
        return ""
    domain_name, _, user_name = text.partition("\\")
    if user_name and fold_name(domain_name) == computer.name_folded:
        if not _LOCAL_NAME.fullmatch(user_name):
            raise InvalidInput(
                "That is not the name of an account.",
                remedy=rf"Write it as {computer.name}\name.",
                field="wanted_user",
            )
        return f"{computer.name}\\{user_name}"
    return str(find_account(text, field="wanted_user"))


def is_same_user(wanted_user: str, domain_name: str, user_name: str) -> bool:
    """Whether a logon session's user is the wanted one, compared as Windows compares."""
    return fold_name(wanted_user) == fold_name(f"{domain_name}\\{user_name}")
