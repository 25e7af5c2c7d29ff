"""What programs get of offers, field by field."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assist.api.answers import Answer
from assist.api.decision_answers import DecisionAnswer
from assist.lifecycle import State
from assist.models import (
    Approval,
    EventRoute,
    EvidenceKind,
    EvidenceSource,
    Grade,
    LogFollowing,
    Offer,
)
from assist.models.offer import (
    AUTHORITY_CHOICES,
    MODE_CHOICES,
    STATE_CHOICES,
    VIEWER_CHOICES,
)
from assist.offers.evidence import observations_of
from assist.outcomes import Outcome, outcome_of


class PersonAnswer(Answer):
    """A person, as named at the time."""

    name = serializers.CharField(help_text=r"As DOMAIN\name.")
    sid = serializers.CharField(help_text="Empty where the directory does not know her.")


class ComputerAnswer(Answer):
    """A computer, as named at the time."""

    name = serializers.CharField()
    id = serializers.UUIDField(allow_null=True, help_text="Its objectGUID, if it is known still.")


class EndAnswer(Answer):
    """How the offer ended."""

    code = serializers.CharField(help_text="Why, for programs.")
    sentence = serializers.CharField(help_text="Why, for a person.")
    remedy = serializers.CharField(help_text="What to do next, or empty.")


class OfferSummary(serializers.ModelSerializer[Offer]):
    """An offer, in a list."""

    state = serializers.ChoiceField(STATE_CHOICES)
    mode = serializers.ChoiceField(MODE_CHOICES)
    viewer = serializers.ChoiceField(VIEWER_CHOICES)
    authority = serializers.ChoiceField(
        AUTHORITY_CHOICES, help_text="Whose account calls the novice's computer."
    )
    retry_of = serializers.UUIDField(
        source="retry_of_id", allow_null=True, help_text="The first try, if this is another."
    )
    expert = serializers.SerializerMethodField()
    computer = serializers.SerializerMethodField()
    user = serializers.CharField(source="wanted_user", help_text="The novice asked for, or empty.")
    novice = serializers.SerializerMethodField(help_text="The novice of the chosen logon session.")
    outcome = serializers.SerializerMethodField(
        help_text="How it came out, by the best evidence so far; may differ from the state."
    )
    outcome_grade = serializers.SerializerMethodField(help_text="How sure the outcome is.")
    is_control_violation = serializers.BooleanField(
        help_text="Control was taken on a view-only offer."
    )
    end = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField(
        help_text="Where a person follows it and gets its invitation."
    )

    class Meta:
        model = Offer
        fields = (
            "id",
            "state",
            "is_ended",
            "mode",
            "viewer",
            "authority",
            "expert",
            "computer",
            "target",
            "user",
            "novice",
            "ticket",
            "reason",
            "retry_of",
            "requested_at",
            "start_at",
            "deadline_at",
            "offered_at",
            "viewed_at",
            "controlled_at",
            "ended_at",
            "outcome",
            "outcome_grade",
            "is_control_violation",
            "end",
            "page",
        )
        read_only_fields = fields
        extra_kwargs = {
            "start_at": {"help_text": "Not before; null: at once."},
            "is_ended": {"help_text": "Nothing more will happen by itself."},
        }

    @extend_schema_field(PersonAnswer)
    def get_expert(self, offer: Offer) -> dict[str, Any]:
        return {"name": offer.expert_name, "sid": offer.expert_sid}

    @extend_schema_field(ComputerAnswer)
    def get_computer(self, offer: Offer) -> dict[str, Any]:
        identity = str(offer.computer_id) if offer.computer_id else None
        return {"name": offer.computer_name, "id": identity}

    @extend_schema_field(PersonAnswer(allow_null=True))
    def get_novice(self, offer: Offer) -> dict[str, Any] | None:
        if not offer.novice_name:
            return None
        return {"name": offer.novice_name, "sid": offer.novice_sid}

    @extend_schema_field(serializers.ChoiceField(STATE_CHOICES, allow_null=True))
    def get_outcome(self, offer: Offer) -> str | None:
        return offer.outcome or None

    @extend_schema_field(serializers.ChoiceField(Grade.choices, allow_null=True))
    def get_outcome_grade(self, offer: Offer) -> str | None:
        return offer.outcome_grade or None

    @extend_schema_field(EndAnswer(allow_null=True))
    def get_end(self, offer: Offer) -> dict[str, Any] | None:
        if not offer.is_ended:
            return None
        return {
            "code": offer.end_code,
            "sentence": offer.end_sentence,
            "remedy": offer.end_remedy,
        }

    @extend_schema_field(serializers.URLField())
    def get_page(self, offer: Offer) -> str:
        return f"{settings.PORTAL_URL.rstrip('/')}{reverse('offer', args=[offer.pk])}"


class TransitionAnswer(Answer):
    """One state entered."""

    from_state = serializers.SerializerMethodField()
    to_state = serializers.ChoiceField(STATE_CHOICES)
    sentence = serializers.CharField()
    at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(STATE_CHOICES, allow_null=True))
    def get_from_state(self, transition: Any) -> str | None:
        return transition.from_state or None


class LogonSessionAnswer(Answer):
    """A logon session to choose."""

    id = serializers.IntegerField(source="session_id")
    user = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField(help_text=r"As DOMAIN\name."))
    def get_user(self, choice: Any) -> str:
        return f"{choice.domain_name}\\{choice.user_name}"


class EvidenceAnswer(Answer):
    """Why an outcome is believed."""

    kind = serializers.ChoiceField(EvidenceKind.choices)
    source = serializers.ChoiceField(EvidenceSource.choices)  # type: ignore[assignment]
    grade = serializers.ChoiceField(Grade.choices)
    sentence = serializers.CharField()
    at = serializers.DateTimeField(help_text="When it happened, as the source says.")
    event_id = serializers.IntegerField(
        source="windows_event.event_id", default=None, allow_null=True, help_text="Windows' number."
    )
    record_id = serializers.IntegerField(
        source="windows_event.record_id",
        default=None,
        allow_null=True,
        help_text="The record's number in the computer's log.",
    )
    route = serializers.ChoiceField(
        EventRoute.choices,
        source="windows_event.route",
        default=None,
        allow_null=True,
        help_text="How the record came to the portal first.",
    )


class ControlSpanAnswer(Answer):
    """A time in which the expert could control."""

    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(
        allow_null=True,
        help_text="At the latest: Windows does not record when control is given back.",
    )


class SessionAnswer(Answer):
    """The time in which the expert could see, by the portal's clock."""

    began_at = serializers.DateTimeField(source="viewed_at")
    ended_at = serializers.DateTimeField(allow_null=True, help_text="Null while it goes on.")
    ended_by = serializers.SerializerMethodField(help_text="Whose side disconnected, if known.")
    seconds = serializers.SerializerMethodField()
    control = ControlSpanAnswer(many=True)
    is_control_blocked = serializers.BooleanField(
        help_text="The computer's settings kept control from being shared."
    )

    @extend_schema_field(serializers.ChoiceField(["expert", "novice"], allow_null=True))
    def get_ended_by(self, outcome: Outcome) -> str | None:
        return outcome.ended_by or None

    @extend_schema_field(serializers.FloatField(allow_null=True))
    def get_seconds(self, outcome: Outcome) -> float | None:
        return outcome.duration.total_seconds() if outcome.duration is not None else None


class EventLogAnswer(Answer):
    """How the computer's event log is followed."""

    is_followed = serializers.BooleanField(source="is_live", help_text="It is looked at again.")
    read_at = serializers.DateTimeField(source="looked_at", allow_null=True)
    clock_ahead_seconds = serializers.FloatField(
        help_text="How far the computer's clock is ahead, as far as known."
    )
    error = serializers.SerializerMethodField(help_text="Why it could not be read, if so.")

    @extend_schema_field(EndAnswer(allow_null=True))
    def get_error(self, following: LogFollowing) -> dict[str, Any] | None:
        if not following.error_code:
            return None
        return {
            "code": following.error_code,
            "sentence": following.error_sentence,
            "remedy": following.error_remedy,
        }


class ApprovalAnswer(Answer):
    """What one rule wants, and what a second person said."""

    rule = serializers.CharField(source="rule_name")
    state = serializers.ChoiceField(Approval.State.choices)
    asked_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    approver = serializers.SerializerMethodField()
    reason = serializers.CharField()
    valid_until = serializers.DateTimeField(
        allow_null=True, help_text="Until when it counts for further offers; null: for this alone."
    )

    @extend_schema_field(PersonAnswer(allow_null=True))
    def get_approver(self, approval: Any) -> dict[str, Any] | None:
        if not approval.approver_sid:
            return None
        return {"name": approval.approver_name, "sid": approval.approver_sid}


class OfferAnswer(OfferSummary):
    """An offer with the decision behind it and all that happened since.

    The invitation is not part of it: that is handed to the expert on her page alone.
    """

    decision = DecisionAnswer(help_text="The decision at request.")
    contact_decision = DecisionAnswer(
        allow_null=True, help_text="The same, taken again just before contact."
    )
    release_decision = DecisionAnswer(
        allow_null=True, help_text="The same, taken when a held offer was released."
    )
    approvals = ApprovalAnswer(
        many=True, help_text="What the rules for protected computers ask a second person for."
    )
    logon_sessions = serializers.SerializerMethodField(
        help_text="While `choosing`: the logon sessions to choose one of."
    )
    transitions = TransitionAnswer(many=True)
    evidence = EvidenceAnswer(many=True)
    session = serializers.SerializerMethodField(
        help_text="Once the novice let the expert see; else null."
    )
    contradictions = serializers.SerializerMethodField(
        help_text="What evidence says against the outcome, a sentence each."
    )
    event_log = serializers.SerializerMethodField(
        help_text="Null where the computer's log was not asked."
    )

    class Meta(OfferSummary.Meta):
        fields = (  # type: ignore[assignment]
            *OfferSummary.Meta.fields,
            "address",
            "logon_session_id",
            "logon_sessions",
            "decision",
            "contact_decision",
            "release_decision",
            "approvals",
            "transitions",
            "evidence",
            "session",
            "contradictions",
            "event_log",
        )
        read_only_fields = fields  # type: ignore[assignment]

    def _outcome(self, offer: Offer) -> Outcome:
        following = getattr(offer, "log_following", None)
        ahead = timedelta(seconds=following.clock_ahead_seconds if following else 0)
        return outcome_of(observations_of(offer.evidence.all(), ahead))

    @extend_schema_field(SessionAnswer(allow_null=True))
    def get_session(self, offer: Offer) -> Any:
        outcome = self._outcome(offer)
        return SessionAnswer(outcome).data if outcome.viewed_at else None

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_contradictions(self, offer: Offer) -> list[str]:
        return list(self._outcome(offer).contradictions)

    @extend_schema_field(EventLogAnswer(allow_null=True))
    def get_event_log(self, offer: Offer) -> Any:
        following = getattr(offer, "log_following", None)
        return EventLogAnswer(following).data if following else None

    @extend_schema_field(LogonSessionAnswer(many=True))
    def get_logon_sessions(self, offer: Offer) -> Any:
        if offer.state != State.CHOOSING:
            return []
        return LogonSessionAnswer(offer.logon_sessions.all(), many=True).data


class OfferListAnswer(Answer):
    """A page of offers, the newest first."""

    results = OfferSummary(many=True)
    next_cursor = serializers.CharField(
        allow_null=True, help_text="Send it as `cursor` for the next page; null on the last."
    )


class WaitingAnswer(Answer):
    """The offers that wait for somebody's approval."""

    results = OfferAnswer(many=True)
