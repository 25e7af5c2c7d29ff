"""What comes in, taken strictly: text is text, a number a number, and nothing is overlooked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.exceptions import ValidationError


class StrictText(serializers.CharField):
    """A text. DRF alone would also take a number and make text of it."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictInteger(serializers.IntegerField):
    """A whole number. DRF alone would also take ``"1"`` and ``1.0``."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictChoice(serializers.ChoiceField):
    """One of some texts."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=type(data).__name__)
        return str(super().to_internal_value(data))


class AwareTime(serializers.DateTimeField):
    """A moment, with its zone: without one it would be taken for the portal's."""

    default_error_messages = {"naive": "The time has no zone: write +00:00 or Z behind it."}

    def to_internal_value(self, data: Any) -> datetime:
        if not isinstance(data, str):
            self.fail("invalid", format="YYYY-MM-DDThh:mm:ss+hh:mm")
        try:
            parsed = parse_datetime(data)
        except ValueError:
            parsed = None
        if parsed is not None and parsed.tzinfo is None:
            self.fail("naive")
        return super().to_internal_value(data)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a misspelt optional field must not be silently lost."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        problems: dict[Any, Any] = {}
        if isinstance(data, Mapping):
            for name in data:
                if name not in self.fields:
                    problems[name] = ValidationError(
                        "This field is not known here.", code="unknown_field"
                    ).detail
        try:
            values: dict[str, Any] = super().to_internal_value(data)
        except ValidationError as error:
            if isinstance(error.detail, dict):
                raise ValidationError(dict(error.detail) | problems) from error
            raise
        if problems:
            raise ValidationError(problems)
        return values


def read_body(shape: type[StrictSerializer], document: Any) -> dict[str, Any]:
    """The values of a request's body.

    Raises:
        ValidationError: It has another shape.
    """
    # An empty form is what DRF makes of a body that was not sent at all.
    serializer = shape(data={} if isinstance(document, QueryDict) else document)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def read_query(shape: type[StrictSerializer], parameters: QueryDict) -> dict[str, Any]:
    """The values of a request's query.

    Raises:
        ValidationError: It has another shape, or a parameter was given twice.
    """
    repeated = {
        name: ValidationError("This parameter was given more than once.", code="repeated").detail
        for name, values in parameters.lists()
        if len(values) > 1
    }
    if repeated:
        raise ValidationError(repeated)
    serializer = shape(data=parameters.dict())
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
