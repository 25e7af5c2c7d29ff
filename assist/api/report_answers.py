"""What programs get of reports, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from assist.api.answers import Answer
from assist.models import AuditEvent
from assist.reports.counts import MEASURES, RATES

_PERCENT = "Share of the offers that came to an invitation and are over; null without any."


class OfferCountsAnswer(Answer):
    """How many offers, and how they came out."""

    def get_fields(self) -> dict[str, Any]:
        names = (*MEASURES, "view", "other")
        rates = {
            f"{name}_percent": serializers.FloatField(allow_null=True, help_text=_PERCENT)
            for name in RATES
        }
        return {name: serializers.IntegerField() for name in names} | rates


class ComparedAnswer(Answer):
    """A period beside the one before."""

    period = OfferCountsAnswer()
    before = OfferCountsAnswer()


class DelayAnswer(Answer):
    """How long something took."""

    offers = serializers.IntegerField(help_text="Of how many it is known.")
    median_seconds = serializers.IntegerField(allow_null=True)
    p90_seconds = serializers.IntegerField(
        allow_null=True, help_text="What nine of ten stay within."
    )


class ComparedDelayAnswer(DelayAnswer):
    """The same with the period before."""

    before = DelayAnswer()


class DayAnswer(Answer):
    """Offers of one day."""

    day = serializers.DateField()
    offers = serializers.IntegerField()


class RemedyAnswer(Answer):
    """What would mend how many offers."""

    remedy = serializers.CharField()
    offers = serializers.IntegerField()


class ObstacleAnswer(Answer):
    """A rule that refused offers, or what blocked them."""

    outcome = serializers.CharField(help_text="refused or blocked")
    rule = serializers.CharField()
    offers = serializers.IntegerField()
    before = serializers.IntegerField(help_text="In the period before.")
    remedies = RemedyAnswer(many=True)


class OverviewAnswer(Answer):
    """The overview of a period."""

    to = serializers.DateField()
    before_from = serializers.DateField()
    before_to = serializers.DateField()
    all = ComparedAnswer()
    view = ComparedAnswer()
    control = ComparedAnswer()
    request_to_prompt = ComparedDelayAnswer()
    prompt_to_answer = ComparedDelayAnswer()
    by_hour = OfferCountsAnswer(many=True, help_text="From 0 to 23 o'clock.")
    by_weekday = OfferCountsAnswer(many=True, help_text="From Monday to Sunday.")
    by_day = DayAnswer(many=True, help_text="Days that have offers.")
    obstacles = ObstacleAnswer(many=True)

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.DateField()} | super().get_fields()


class LineAnswer(Answer):
    """One expert, team, unit or computer."""

    key = serializers.CharField(help_text="SID or GUID; empty: none.")
    name = serializers.CharField()
    period = OfferCountsAnswer()
    before = OfferCountsAnswer()


class BreakdownAnswer(Answer):
    """The busiest first."""

    results = LineAnswer(many=True)
    count = serializers.IntegerField(help_text="How many there are in all.")


class ReportOffersAnswer(Answer):
    """A page of the table of offers."""

    results = serializers.ListField(
        child=serializers.DictField(), help_text="The chosen columns of each offer, by code."
    )
    next_cursor = serializers.CharField(allow_null=True)


class AuditEventAnswer(Answer):
    """One event of the audit trail."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    actor_sid = serializers.CharField(help_text="Empty: the portal itself.")
    actor_name = serializers.CharField()
    subject_kind = serializers.CharField()
    subject_id = serializers.CharField()
    subject_name = serializers.CharField()
    offer_id = serializers.UUIDField(allow_null=True)
    ticket = serializers.CharField()
    source_address = serializers.IPAddressField(allow_null=True)
    request_id = serializers.CharField()
    details = serializers.DictField()
    position = serializers.SerializerMethodField(help_text="In the chain; null while it waits.")

    def get_position(self, event: AuditEvent) -> int | None:
        seal = getattr(event, "seal", None)
        return seal.position if seal else None


class AuditEventsAnswer(Answer):
    """A page of the audit trail."""

    results = AuditEventAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
