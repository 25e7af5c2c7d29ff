"""What programs get of coverage and of histories, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from assist.api.answers import Answer
from assist.api.decision_answers import AllowedAnswer
from assist.api.report_answers import ReportOffersAnswer


class CoverageTableAnswer(Answer):
    """One number."""

    table = serializers.CharField()
    title = serializers.CharField()
    count = serializers.IntegerField()


class CoverageAnswer(Answer):
    """Helper lists against reality."""

    to = serializers.DateField()
    more_than = serializers.IntegerField()
    lines = serializers.IntegerField(help_text="Of all helper lists.")
    computers = serializers.IntegerField(help_text="Enabled ones, which were decided on.")
    tables = CoverageTableAnswer(many=True)

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.DateField()} | super().get_fields()


class CoverageRowsAnswer(Answer):
    """A page of the rows behind a number."""

    results = serializers.ListField(
        child=serializers.DictField(),
        help_text="The table's columns, and `key`: the SID or GUID that the row is of.",
    )
    count = serializers.IntegerField(help_text="How many there are in all.")
    next_cursor = serializers.CharField(allow_null=True)


class WayAnswer(Answer):
    """A line of a helper list that lets an expert in now."""

    policy = serializers.CharField()
    line = serializers.CharField()
    through = serializers.ListField(
        child=serializers.CharField(), help_text="Groups, hers first; empty: her own account."
    )
    is_linked = serializers.BooleanField()


class ChangeAnswer(Answer):
    """When something that bears on the answer was last found changed."""

    what = serializers.CharField()
    name = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    run = serializers.IntegerField(help_text="Of the synchronisation; 0: not known.")


class ExpertHistoryAnswer(Answer):
    """What is known of an expert."""

    sid = serializers.CharField()
    name = serializers.CharField()
    is_known = serializers.BooleanField(help_text="The directory has her account.")
    ways = WayAnswer(many=True)
    changes = ChangeAnswer(many=True)
    offers = ReportOffersAnswer()
    limits = serializers.ListField(child=serializers.CharField(), help_text="What can be known.")


class ToldAnswer(Answer):
    """A decision that was stored with an offer."""

    offer = serializers.UUIDField()
    at = serializers.DateTimeField()
    expert_sid = serializers.CharField()
    expert_name = serializers.CharField()
    is_allowed = serializers.BooleanField()
    sentence = serializers.CharField()
    team = serializers.CharField()
    outcome = serializers.CharField()


class ComputerHistoryAnswer(Answer):
    """What is known of a computer."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    day = serializers.DateField()
    decisions = ToldAnswer(many=True)
    nearest = ToldAnswer(many=True, help_text="Where there were none on that day.")
    directory_read_at = serializers.DateTimeField(
        allow_null=True, help_text="The last time before the day was over."
    )
    runs_with_changes_since = serializers.IntegerField()
    allowed = AllowedAnswer(many=True, allow_null=True)
    changes = ChangeAnswer(many=True)
    offers = ReportOffersAnswer()
    limits = serializers.ListField(child=serializers.CharField(), help_text="What can be known.")
