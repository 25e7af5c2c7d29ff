"""An offer of Remote Assistance and the states it went through."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from assist.lifecycle import (
    ACTIVE,
    CANCELLABLE,
    ENDS,
    LABELS,
    OCCUPYING,
    OPEN,
    Authority,
    Mode,
    State,
)

STATE_CHOICES = [(state.value, LABELS[state]) for state in State]
MODE_CHOICES = [(Mode.VIEW.value, "View"), (Mode.CONTROL.value, "Control")]
AUTHORITY_CHOICES = [
    (Authority.SERVICE.value, "Service: the portal's own account"),
    (Authority.DELEGATED.value, "Delegated: the expert's account, by the portal"),
    (Authority.HANDOFF.value, "Hand-off: the expert's own Windows"),
]
VIEWER_CHOICES = [("windows", "Windows Remote Assistance"), ("freerdp", "FreeRDP")]


class OfferQuerySet(models.QuerySet["Offer"]):
    def of_expert(self, sid: str) -> OfferQuerySet:
        """The offers that belong to the expert with this SID: all that she may see."""
        return self.filter(expert_sid=sid)

    def active(self) -> OfferQuerySet:
        """Offers that were let through or are held, and have not ended."""
        return self.filter(state__in=ACTIVE)

    def occupying(self) -> OfferQuerySet:
        """Offers that keep others away from their computer: held ones do not yet."""
        return self.filter(state__in=OCCUPYING)

    def held(self) -> OfferQuerySet:
        """Offers that wait for their time or for an approval."""
        return self.filter(state=State.HELD.value)

    def open(self) -> OfferQuerySet:
        """Offers that have not ended."""
        return self.filter(state__in=[state.value for state in OPEN])


class Offer(models.Model):
    """One offer. ``assist.offers`` is the only writer of ``state``.

    Names are kept as text beside the references: an offer stays readable when the directory has
    forgotten the computer or the person.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=16, choices=STATE_CHOICES, default=State.REQUESTED.value)
    mode = models.CharField(max_length=8, choices=MODE_CHOICES, default=Mode.CONTROL.value)
    authority = models.CharField(
        max_length=16, choices=AUTHORITY_CHOICES, default=Authority.SERVICE.value
    )
    viewer = models.CharField(max_length=16, choices=VIEWER_CHOICES, default="windows")
    door = models.CharField(max_length=16, help_text="page, api or command")

    expert = models.ForeignKey(
        "directory.Account", null=True, on_delete=models.SET_NULL, related_name="offers"
    )
    expert_sid = models.CharField(max_length=184)
    expert_name = models.CharField(max_length=256)
    computer = models.ForeignKey(
        "directory.Computer", null=True, on_delete=models.SET_NULL, related_name="offers"
    )
    computer_name = models.CharField(max_length=256)
    target = models.CharField(max_length=256, help_text="The computer as the expert typed it.")
    address = models.GenericIPAddressField(null=True, help_text="The address that was contacted.")
    wanted_user = models.CharField(
        max_length=256, blank=True, help_text=r"The novice asked for, as DOMAIN\name, or empty."
    )
    novice_name = models.CharField(
        max_length=512, blank=True, help_text=r"The novice of the chosen logon session."
    )
    novice_sid = models.CharField(
        max_length=184, blank=True, help_text="Empty where the directory does not know the novice."
    )
    logon_session_id = models.PositiveBigIntegerField(null=True)
    ticket = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    unit_guid = models.UUIDField(null=True, help_text="The computer's unit when it was asked for.")
    unit_name = models.CharField(max_length=1024, blank=True, help_text="Distinguished name.")
    team_sid = models.CharField(
        max_length=184,
        blank=True,
        help_text="Her group by which the helper list let her in; empty: none did.",
    )
    team_name = models.CharField(max_length=512, blank=True)

    retry_of = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="retries",
        help_text="The first try.",
    )

    decision = models.JSONField(help_text="The decision at request, with all it rested on.")
    contact_decision = models.JSONField(null=True, help_text="The same, taken before contact.")

    release_decision = models.JSONField(null=True, help_text="The same, when it was released.")

    requested_at = models.DateTimeField()
    start_at = models.DateTimeField(null=True, help_text="Not before; empty: at once.")
    let_through_at = models.DateTimeField(
        null=True, help_text="When it last counted towards the limits; empty: refused at once."
    )
    deadline_at = models.DateTimeField(
        null=True, help_text="When the present state outlives itself."
    )
    claimed_at = models.DateTimeField(
        null=True, help_text="When a worker took it; empty while it waits for one."
    )
    enqueued_at = models.DateTimeField(
        null=True, help_text="When a message to the workers was last sent for it."
    )
    attempts = models.PositiveSmallIntegerField(
        default=0,
        help_text="The number a worker writes under; a claim and a loss raise it.",
    )
    losses = models.PositiveSmallIntegerField(
        default=0, help_text="How many workers were lost while they had it."
    )
    starting_at = models.DateTimeField(
        null=True, help_text="Marker committed before the call that starts Remote Assistance."
    )
    offered_at = models.DateTimeField(null=True)
    prompted_at = models.DateTimeField(null=True, help_text="When the novice was asked.")
    answered_at = models.DateTimeField(
        null=True, help_text="When the novice accepted or declined; no answer is none."
    )
    viewed_at = models.DateTimeField(null=True, help_text="The novice let the expert see.")
    controlled_at = models.DateTimeField(null=True, help_text="The novice let the expert control.")
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=16,
        blank=True,
        choices=STATE_CHOICES,
        help_text="How it came out by the best evidence; not always the state.",
    )
    outcome_grade = models.CharField(max_length=16, blank=True)
    end_code = models.CharField(max_length=64, blank=True)
    end_sentence = models.CharField(max_length=500, blank=True)
    end_remedy = models.CharField(max_length=500, blank=True)

    objects = OfferQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-requested_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Remote Assistance runs once on a computer; two requests at once both pass the
            # decision, and this is where the second one stops.
            models.UniqueConstraint(
                fields=["computer"],
                condition=models.Q(state__in=sorted(state.value for state in OCCUPYING)),
                name="one_active_offer_per_computer",
            ),
            models.UniqueConstraint(
                fields=["computer", "expert_sid"],
                condition=models.Q(state=State.HELD.value),
                name="one_held_offer_per_expert_and_computer",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["expert_sid", "-requested_at"]),
            models.Index(fields=["state", "deadline_at"]),
            models.Index(fields=["computer", "-requested_at"]),
            models.Index(fields=["expert_sid", "let_through_at"], name="offer_let_through_expert"),
            models.Index(fields=["computer", "let_through_at"], name="offer_let_through_computer"),
            models.Index(fields=["requested_at"], name="offer_by_time"),
            # For reports: some of the offers behind a number, however rare they are.
            models.Index(fields=["outcome"], name="offer_by_outcome"),
            models.Index(fields=["outcome_grade"], name="offer_by_grade"),
            models.Index(fields=["end_code"], name="offer_by_end"),
            models.Index(fields=["authority"], name="offer_by_authority"),
            models.Index(fields=["viewer"], name="offer_by_viewer"),
            models.Index(fields=["door"], name="offer_by_door"),
            models.Index(fields=["address"], name="offer_by_address"),
            models.Index(fields=["team_sid", "-requested_at"], name="offer_by_team"),
            models.Index(fields=["unit_guid", "-requested_at"], name="offer_by_unit"),
            models.Index(
                fields=["-requested_at"],
                condition=models.Q(mode=Mode.VIEW.value, controlled_at__isnull=False),
                name="offer_violation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.expert_name} -> {self.computer_name} ({self.state})"

    @property
    def is_ended(self) -> bool:
        return State(self.state) in ENDS

    @property
    def may_be_cancelled(self) -> bool:
        return State(self.state) in CANCELLABLE

    @property
    def is_handed_off(self) -> bool:
        return self.authority == Authority.HANDOFF

    @property
    def is_control_violation(self) -> bool:
        """Control was taken on a view-only offer: MS-RAI carries no mode, so this is watched."""
        return self.mode == Mode.VIEW and self.controlled_at is not None


class OfferTransition(models.Model):
    """One state entered. Readers follow these rows, not the offer's present state."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="transitions")
    from_state = models.CharField(max_length=16, choices=STATE_CHOICES, blank=True)
    to_state = models.CharField(max_length=16, choices=STATE_CHOICES)
    sentence = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.from_state or 'nothing'} -> {self.to_state}"


class LogonSessionChoice(models.Model):
    """A logon session on the novice's computer, kept while the expert chooses."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="logon_sessions")
    domain_name = models.CharField(max_length=255)
    user_name = models.CharField(max_length=255)
    session_id = models.PositiveBigIntegerField()

    class Meta:
        ordering: ClassVar[list[str]] = ["session_id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["offer", "session_id"], name="one_row_per_session")
        ]

    def __str__(self) -> str:
        return f"{self.domain_name}\\{self.user_name}:{self.session_id}"
