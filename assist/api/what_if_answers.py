"""What programs get of what-ifs, field by field."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assist.api.answers import Answer
from assist.models import WhatIf


class ReachAnswer(Answer):
    """An expert, and on how many computers she gains or loses."""

    name = serializers.CharField(help_text=r"As DOMAIN\name.")
    computers = serializers.IntegerField()


class PairAnswer(Answer):
    """One pair of expert and computer."""

    expert = serializers.CharField(help_text=r"As DOMAIN\name.")
    computer = serializers.CharField()
    reason = serializers.CharField(help_text="The code of what refuses it without, or with it.")


class GainAnswer(Answer):
    """Pairs that some changes give, or take, in one mode."""

    pairs = serializers.IntegerField()
    computers = serializers.IntegerField()
    experts = serializers.IntegerField()
    first_computers = serializers.ListField(
        child=serializers.CharField(), help_text="At most 20, by name."
    )
    first_experts = ReachAnswer(many=True, help_text="At most 20, who has most first.")
    reasons = serializers.DictField(
        child=serializers.IntegerField(), help_text="Pairs, by the code of what refuses them."
    )
    examples = PairAnswer(many=True, help_text="At most 20 of the pairs.")


class GainsAnswer(Answer):
    """The same by mode."""

    view = GainAnswer()
    control = GainAnswer()


class UnitGainAnswer(Answer):
    """Of one unit."""

    computers = serializers.IntegerField()
    pairs = serializers.IntegerField()


class UnitGainsAnswer(Answer):
    """The same by mode."""

    view = UnitGainAnswer()
    control = UnitGainAnswer()


class UnitDifferenceAnswer(Answer):
    """What some changes would do in one organizational unit."""

    unit = serializers.CharField(
        help_text="Distinguished name; the domain's for computers that are in no unit."
    )
    gained = UnitGainsAnswer()
    lost = UnitGainsAnswer()


class DifferenceAnswer(Answer):
    """What some changes would do."""

    gained = GainsAnswer()
    lost = GainsAnswer()
    units = UnitDifferenceAnswer(many=True, help_text="At most 200, the most pairs first.")
    more_units = serializers.IntegerField(help_text="How many more units there are.")
    experts = serializers.IntegerField(help_text="How many were asked about.")
    computers = serializers.IntegerField(help_text="On how many.")
    stale = serializers.ListField(
        child=serializers.CharField(),
        help_text="Domains whose picture is too old for any offer, before and after.",
    )
    decided_at = serializers.DateTimeField()


class WhatIfAnswer(Answer):
    """A question about changes, and its answer."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(WhatIf.State.choices)
    changes = serializers.ListField(
        child=serializers.CharField(), source="sentences", help_text="As they were understood."
    )
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    done = serializers.IntegerField(help_text="Computers decided on.")
    total = serializers.IntegerField(help_text="Of how many; 0 before that is known.")
    result = DifferenceAnswer(allow_null=True)
    error = serializers.CharField(help_text="Why there is no answer, or empty.")
    page = serializers.SerializerMethodField()

    @extend_schema_field(serializers.URLField())
    def get_page(self, asked: WhatIf) -> str:
        return f"{settings.PORTAL_URL.rstrip('/')}{reverse('what-if', args=[asked.pk])}"
