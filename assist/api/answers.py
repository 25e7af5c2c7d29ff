"""What programs get. Written out field by field: what is not named here is not given away."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

Answer = serializers.Serializer[Any]


class ConfirmationAnswer(Answer):
    """What a launcher is to do."""

    offer = serializers.UUIDField()
    computer = serializers.CharField(help_text="DNS name to offer help to.")
    report_token = serializers.CharField(help_text="For the reports that follow.")


class ReceivedAnswer(Answer):
    """What became of the events."""

    stored = serializers.IntegerField(help_text="New events.")
    duplicate = serializers.IntegerField(help_text="Events that were delivered before.")
    unknown_computer = serializers.IntegerField(
        help_text="Stored events of computers that the directory does not know."
    )


class FieldErrorAnswer(Answer):
    """What is wrong with one field."""

    field = serializers.CharField(help_text="Its path, as `events[3].EventID`.")
    code = serializers.CharField()
    detail = serializers.CharField()
    remedy = serializers.CharField()


class ProblemAnswer(Answer):
    """Why a request was not served (RFC 9457)."""

    type = serializers.CharField(help_text="A URN made of the code.")
    title = serializers.CharField(help_text="The HTTP status in words.")
    status = serializers.IntegerField(help_text="The HTTP status.")
    code = serializers.CharField(help_text="What is wrong, for programs.")
    detail = serializers.CharField(help_text="What is wrong, for a person.")
    field = serializers.CharField(help_text="The input at fault, or empty.")
    remedy = serializers.CharField(help_text="What to do next, or empty.")
    request_id = serializers.CharField(help_text="Names this request in the portal's log.")
    errors = FieldErrorAnswer(  # type: ignore[assignment]
        many=True, required=False, help_text="All fields at fault."
    )
