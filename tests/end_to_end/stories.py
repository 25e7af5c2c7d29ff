"""What novices do when they are offered help, and what the portal must have of it in the end.

Written out by hand from docs/outcomes.md, docs/authority.md and docs/protocol.md: nothing here is
asked of the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

PORTAL, MARY = r"R2\svc-ra-portal", r"R2\mjones"
ONE = (("bsmith", 1),)
THREE = (("bsmith", 1), ("cwong", 3), ("dbrown", 4))
IDLE = (("bsmith", 1, "idle"), ("cwong", 3, "disconnected"))

STARTED = (31, 13)
CONNECTED = (15, 16)
SEEN = (22,)
CONTROL = (21,)
TIME_LIMIT = (24, 30)
BY_EXPERT = (18, 30)
BY_NOVICE = (19, 30)


@dataclass(frozen=True)
class Authority:
    """Whose account calls, and by what the computer knows it.

    Attributes:
        name: In the matrix.
        authority: As the portal calls it.
        principal: Whom the audit trail names.
        caller: Whom the computer sees at offers; the portal's account reads its log in any case.
        authentication: What both the journal of the computer and the audit trail name.
    """

    name: str
    authority: str
    principal: str
    caller: str
    authentication: str


DELEGATED = Authority("delegated", "delegated", MARY, MARY, "Kerberos")
KERBEROS = Authority("service", "service", "svc-ra-portal@R2.LOCAL", PORTAL, "Kerberos")
NTLM = Authority("service by NTLM", "service", "svc-ra-portal@R2.LOCAL", PORTAL, "NTLM")
AUTHORITIES = (DELEGATED, KERBEROS, NTLM)


@dataclass(frozen=True)
class Story:
    """What happens at one computer, and what must be known of it.

    Attributes:
        name: In the matrix.
        script: What the computer is told (docs/lab-windows.md).
        mode: Of the offer.
        opens: Whether the expert opens the invitation.
        then: ``novice ends`` or ``expert ends`` once he has accepted; nothing else.
        state: Of the offer in the end.
        outcome: The outcome in the end.
        grade: Its grade.
        evidence: The Windows events that are kept as evidence, in order.
        audit: What the audit trail holds from the invitation on, without evidence, in order.
        is_violation: What ``offer.controlled`` says; None where there is none.
    """

    name: str
    state: str
    outcome: str
    grade: str
    evidence: tuple[int, ...]
    audit: tuple[str, ...]
    script: Mapping[str, Any] = field(default_factory=dict)
    mode: str = "control"
    opens: bool = True
    then: str = ""
    is_violation: bool | None = None


INVITED = ("offer.offered", "invitation.taken", "offer.answering")
ACCEPTED = (*INVITED, "offer.accepted", "invitation.wiped")

STORIES = (
    Story(
        "accept view",
        *("accepted", "accepted", "strong"),
        evidence=(*STARTED, *CONNECTED, *SEEN),
        audit=ACCEPTED,
        script={"answer": "accept"},
        mode="view",
    ),
    Story(
        "accept control",
        *("accepted", "accepted", "strong"),
        evidence=(*STARTED, *CONNECTED, *SEEN, *CONTROL),
        audit=(*ACCEPTED, "offer.controlled"),
        script={"answer": "accept-control"},
        is_violation=False,
    ),
    Story(
        "decline",
        *("declined", "declined", "inferred"),
        evidence=(*STARTED, *CONNECTED, *BY_NOVICE),
        audit=(*INVITED, "offer.declined", "invitation.wiped"),
        script={"answer": "decline"},
    ),
    Story(
        "ignore",
        *("unanswered", "unanswered", "strong"),
        evidence=(*STARTED, *CONNECTED, *TIME_LIMIT),
        audit=(*INVITED, "offer.unanswered", "invitation.wiped"),
        script={"answer": "ignore"},
    ),
    Story(
        "never opened",
        *("unopened", "unopened", "strong"),
        evidence=(*STARTED, *TIME_LIMIT),
        audit=("offer.offered", "offer.unopened", "invitation.wiped"),
        script={"opening_seconds": 1},
        opens=False,
    ),
    Story(
        "busy",
        *("busy", "busy", ""),
        evidence=(),
        audit=("offer.busy",),
        script={"busy": True},
        opens=False,
    ),
    Story(
        "ends by novice",
        *("ended", "accepted", "strong"),
        evidence=(*STARTED, *CONNECTED, *SEEN, *BY_NOVICE),
        audit=(*ACCEPTED, "offer.ended"),
        script={"answer": "accept"},
        then="novice ends",
    ),
    Story(
        "ends by expert",
        *("ended", "accepted", "strong"),
        evidence=(*STARTED, *CONNECTED, *SEEN, *BY_EXPERT),
        audit=(*ACCEPTED, "offer.ended"),
        script={"answer": "accept"},
        then="expert ends",
    ),
    Story(
        "control taken on view-only",
        *("accepted", "accepted", "strong"),
        evidence=(*STARTED, *CONNECTED, *SEEN, *CONTROL),
        audit=(*ACCEPTED, "offer.controlled"),
        script={"answer": "accept-control"},
        mode="view",
        is_violation=True,
    ),
)
NOBODY = tuple(
    Story(
        name,
        *("nobody", "nobody", ""),
        evidence=(),
        audit=("offer.nobody",),
        script={"logged_on": users},
        opens=False,
    )
    for name, users in (("no user", ()), ("idle only", IDLE))
)


# How an offer comes to the marker before Remote Assistance is started, by the authority and by how
# many are logged on; or to where it finds nobody.
ASKED = ("offer.requested", "offer.decided")
QUEUED = (*ASKED, "offer.queued", "offer.contacting")
HANDED = (*ASKED, "ticket.handed", "offer.queued", "offer.contacting", "ticket.taken")
CHOSEN = ("offer.choosing", "offer.contacting")
BEGINNINGS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("delegated", "one"): (*HANDED, "ticket.wiped", "offer.starting"),
    ("delegated", "three"): (*HANDED, *CHOSEN, "ticket.taken", "ticket.wiped", "offer.starting"),
    ("delegated", "none"): HANDED,
    ("service", "one"): (*QUEUED, "offer.starting"),
    ("service", "three"): (*QUEUED, *CHOSEN, "offer.starting"),
    ("service", "none"): QUEUED,
}


@dataclass(frozen=True)
class Case:
    """One cell of the matrix.

    Attributes:
        users: ``one``, ``three`` or ``none``.
        number: Of its computer, which no other case has.
    """

    authority: Authority
    users: str
    story: Story
    number: int

    @property
    def name(self) -> str:
        return f"{self.authority.name}, {self.users} logged on, {self.story.name}"

    @property
    def computer(self) -> str:
        return f"{'NTLM' if self.authority is NTLM else 'LOAD'}-{self.number:05d}"

    @property
    def script(self) -> dict[str, Any]:
        logged_on = {"one": {"logged_on": ONE}, "three": {"logged_on": THREE}, "none": {}}
        return logged_on[self.users] | dict(self.story.script)

    @property
    def session(self) -> tuple[str, int] | None:
        """Whom Remote Assistance is started for; with three users Mary chooses Carol."""
        found = {"one": (r"R2\bsmith", 1), "three": (r"R2\cwong", 3)}
        return found.get(self.users)

    @property
    def audit(self) -> tuple[str, ...]:
        """The whole audit trail, without evidence, in order."""
        beginning = BEGINNINGS[self.authority.authority, self.users]
        ending = self.story.audit
        if self.authority is DELEGATED and self.users == "none":
            ending = (*ending, "ticket.wiped")
        return (*beginning, *ending)


Cell = tuple[Authority, str, Story]


def every_cell() -> list[Cell]:
    """The whole matrix."""
    return [
        *product(AUTHORITIES, ("one", "three"), STORIES),
        *product(AUTHORITIES, ("none",), NOBODY),
    ]


def some_cells() -> list[Cell]:
    """Every story; every authority with one user, with three and with nobody."""
    pairs = [*product(AUTHORITIES, ("one", "three"))]
    return [
        *((*pairs[index % len(pairs)], story) for index, story in enumerate(STORIES)),
        *((who, "none", NOBODY[index % 2]) for index, who in enumerate(AUTHORITIES)),
    ]


def numbered(cells: list[Cell]) -> list[Case]:
    """Each with a computer of its own, of the kind that its authority needs."""
    by_ntlm = [Case(*cell, number) for number, cell in enumerate(c for c in cells if c[0] is NTLM)]
    others = [Case(*cell, number) for number, cell in enumerate(c for c in cells if c[0] != NTLM)]
    return others + by_ntlm
