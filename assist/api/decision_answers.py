"""What programs get of decisions, one or many, field by field."""

from __future__ import annotations

from rest_framework import serializers

from assist.api.answers import Answer
from assist.eligibility.decision import ALLOWED, REFUSED, Effect
from assist.models.offer import MODE_CHOICES


class ReferenceAnswer(Answer):
    """An object that a finding speaks of, by what stays when names change."""

    kind = serializers.CharField()
    id = serializers.CharField(help_text="Its SID or GUID.")
    name = serializers.CharField(help_text="Its name at the time.")


class FindingAnswer(Answer):
    """One rule's answer."""

    rule = serializers.CharField(help_text="A stable code.")
    effect = serializers.ChoiceField([item.value for item in Effect])
    sentence = serializers.CharField()
    evidence = ReferenceAnswer(many=True)
    remedy = serializers.CharField(help_text="Who can change it and how, or empty.")


class DecisionAnswer(Answer):
    """May this expert offer help on this computer in this mode, and why?"""

    version = serializers.IntegerField()
    verdict = serializers.ChoiceField([ALLOWED, REFUSED])
    sentence = serializers.CharField(help_text="The allowing chain, or the first reason why not.")
    mode = serializers.ChoiceField(MODE_CHOICES)
    expert = ReferenceAnswer()
    computer = ReferenceAnswer()
    findings = FindingAnswer(many=True)
    decided_at = serializers.DateTimeField()


class AllowedAnswer(Answer):
    """Somebody who may help, or a computer where she may."""

    id = serializers.CharField(help_text="Her SID, or its objectGUID.")
    name = serializers.CharField()
    mode = serializers.ChoiceField(MODE_CHOICES, help_text="The most that is allowed.")
    reason = serializers.CharField(help_text="The code of what keeps control away, or empty.")


class ModesAnswer(Answer):
    """Numbers, by the most that is allowed."""

    view = serializers.IntegerField()
    control = serializers.IntegerField()


class ListingAnswer(Answer):
    """A page of the computers that an expert may help, or of the experts who may help on one."""

    asked = ReferenceAnswer()
    results = AllowedAnswer(many=True)
    next_cursor = serializers.CharField(
        allow_null=True, help_text="Send it as `cursor` for the next page; null on the last."
    )
    counts = ModesAnswer(help_text="All that are allowed, on every page.")
    refused = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="How many of the others, by the code of the finding that decides.",
    )
    decided_at = serializers.DateTimeField()


class NumbersAnswer(Answer):
    """What the decisions on some computers come to, with all experts."""

    computers = serializers.IntegerField()
    helpable = ModesAnswer(help_text="Computers where somebody may help.")
    pairs = ModesAnswer(help_text="Pairs of expert and computer that are allowed.")
    refused = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Pairs that are not, by the code of the finding that decides.",
    )


class UnitCountsAnswer(NumbersAnswer):
    """Of the computers right in one organizational unit."""

    unit = serializers.CharField(
        help_text="Its distinguished name; the domain's for computers that are in none."
    )


class CountsAnswer(NumbersAnswer):
    """All experts and all computers, in numbers."""

    experts = serializers.IntegerField()
    units = UnitCountsAnswer(many=True)
    decided_at = serializers.DateTimeField()
