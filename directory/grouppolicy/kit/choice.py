"""What an administrator wants of Group Policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from directory.errors import PortalError

# The editor of Group Policy takes no longer text for one line of a message or a list.
MOST_CHARACTERS = 1023
MOST_HELPERS = 200
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
HELPER = re.compile(r'[^\\/"\[\]:;|=,+*?<>]+\\[^\\/"\[\]:;|=,+*?<>]+')


class Profile(StrEnum):
    """Where a computer is: in its domain's network, or elsewhere.

    Elsewhere is any other network for Windows XP and Server 2003, a private one for later Windows.
    """

    DOMAIN = "domain"
    STANDARD = "standard"


class Generation(StrEnum):
    """What the computers run, as far as their firewalls differ."""

    XP = "xp"
    SERVER_2003 = "server-2003"
    VISTA = "vista"

    @property
    def words(self) -> str:
        return {
            Generation.XP: "Windows XP Service Pack 2 or 3",
            Generation.SERVER_2003: "Windows Server 2003",
            Generation.VISTA: "Windows Vista and later",
        }[self]


class UnsuitableChoice(PortalError):
    """Group Policy cannot hold it, or it would let nobody help."""

    code = "unsuitable_choice"


@dataclass(frozen=True)
class KitChoice:
    """What the policy shall say.

    Attributes:
        name: Of the Group Policy object.
        control: Helpers may ask for control; else they only view.
        helpers: Accounts and groups as ``DOMAIN\\name``.
        profiles: Where offers shall arrive.
        generations: Which Windows the computers run.
        session_logging: Whether sessions are logged on the computer; None leaves it to the user.
        view_message: What the user reads before she shows her screen; empty: Windows' own text.
        control_message: The same before she shares control.
        event_log: Let collectors read the event log over the network.
    """

    name: str
    control: bool
    helpers: tuple[str, ...]
    profiles: frozenset[Profile] = frozenset({Profile.DOMAIN})
    generations: frozenset[Generation] = frozenset({Generation.VISTA})
    session_logging: bool | None = None
    view_message: str = ""
    control_message: str = ""
    event_log: bool = False

    def __post_init__(self) -> None:
        for error in self._errors():
            raise error

    @property
    def has_messages(self) -> bool:
        return bool(self.view_message or self.control_message)

    def _errors(self) -> Iterator[UnsuitableChoice]:
        yield from _text_errors("name", self.name, "Name the policy in one line.", most=255)
        if not self.name.strip():
            yield UnsuitableChoice(
                "The policy has no name.", remedy="Name it as it shall be listed.", field="name"
            )
        if not self.helpers:
            yield UnsuitableChoice(
                "Nobody is to help.", remedy="Name at least one group of helpers.", field="helpers"
            )
        if len(self.helpers) > MOST_HELPERS:
            yield UnsuitableChoice(
                f"These are more than {MOST_HELPERS} helpers.",
                remedy="Put them into a group and name the group.",
                field="helpers",
            )
        for helper in self.helpers:
            yield from _text_errors("helpers", helper, "Write one name in each line.")
            if not HELPER.fullmatch(helper):
                yield UnsuitableChoice(
                    f"{helper[:80]!r} is no name of an account or group.",
                    remedy=r"Write it as DOMAIN\name.",
                    field="helpers",
                )
        if not self.profiles:
            yield UnsuitableChoice(
                "Offers would arrive nowhere.", remedy="Choose a profile.", field="profiles"
            )
        if not self.generations:
            yield UnsuitableChoice(
                "No Windows is chosen.",
                remedy="Choose what the computers run.",
                field="generations",
            )
        if self.event_log and self.generations and Generation.VISTA not in self.generations:
            yield UnsuitableChoice(
                "The exceptions for the event log are rules that only Windows Vista and later has.",
                remedy="Leave them out, or choose Windows Vista and later too.",
                field="generations",
            )
        for field in ("view_message", "control_message"):
            yield from _text_errors(field, getattr(self, field), "Write the message in one line.")


def _text_errors(
    field: str, text: str, remedy: str, *, most: int = MOST_CHARACTERS
) -> Iterator[UnsuitableChoice]:
    if CONTROL_CHARACTER.search(text):
        yield UnsuitableChoice("It holds line breaks or the like.", remedy=remedy, field=field)
    if len(text) > most:
        yield UnsuitableChoice(
            f"It is longer than {most} characters.", remedy="Shorten it.", field=field
        )
