"""The endpoints of what-ifs: ask, and look how far the answer is."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assist.api import schema
from assist.api.authentication import Principal
from assist.api.callers import actor_of, input_at_fault
from assist.api.fields import StrictChoice, StrictSerializer, StrictText, read_body
from assist.api.parsers import JsonParser
from assist.api.what_if_answers import WhatIfAnswer
from assist.eligibility.many.naming import KINDS, KINDS_BY_CODE
from assist.what_ifs import (
    LONGEST_NAME,
    MOST_CHANGES,
    NamedChange,
    require_manager,
    what_if_ask,
    what_if_for,
)

KIND_CHOICES = [(kind.code, kind.words) for kind in KINDS]
_FIELDS = sorted({field for kind in KINDS for field in kind.fields})


class ChangeRequest(StrictSerializer):
    """One change. Each kind takes two names, `inheritance_blocked` one."""

    kind = StrictChoice(KIND_CHOICES)
    policy = StrictText(max_length=LONGEST_NAME, required=False, help_text="Its name or GUID.")
    who = StrictText(
        max_length=LONGEST_NAME,
        required=False,
        help_text=r"An account or a group, as DOMAIN\name; with `member_added` also a computer.",
    )
    group = StrictText(max_length=LONGEST_NAME, required=False, help_text=r"As DOMAIN\name.")
    unit = StrictText(max_length=LONGEST_NAME, required=False, help_text="Distinguished name.")
    container = StrictText(
        max_length=LONGEST_NAME,
        required=False,
        help_text="A unit's distinguished name, or a domain's name.",
    )
    trusting = StrictText(max_length=LONGEST_NAME, required=False, help_text="A domain.")
    trusted = StrictText(max_length=LONGEST_NAME, required=False, help_text="A domain.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = set(KINDS_BY_CODE[attrs["kind"]].fields)
        given = set(attrs) - {"kind"}
        wrong = {field: self._wrong("required") for field in needed - given}
        wrong |= {field: self._wrong("unknown_field") for field in given - needed}
        if wrong:
            raise serializers.ValidationError(wrong)
        return attrs

    @staticmethod
    def _wrong(code: str) -> ErrorDetail:
        says = "Needed for this kind." if code == "required" else "Not a field of this kind."
        return ErrorDetail(says, code=code)


class WhatIfRequest(StrictSerializer):
    """Changes that are taken together, in their order."""

    changes = serializers.ListField(
        child=ChangeRequest(), min_length=1, max_length=MOST_CHANGES, allow_empty=False
    )


class AsksWhatIf(BasePermission):
    """A token of scope expert whose account is a manager or an operator now."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """False for nobody at all, which is answered with 401.

        Raises:
            NotAllowed: The token is a collector's, or its account is neither.
        """
        if not isinstance(request.user, Principal):
            return False
        require_manager(request.user.actor)
        return True


class WhatIfsView(APIView):
    permission_classes = (AsksWhatIf,)
    parser_classes = (JsonParser,)
    metadata_class = None

    @extend_schema(
        operation_id="what_if_ask",
        summary="Ask what changes would give and take",
        description="Which experts and computers would gain or lose, before anybody changes Active "
        "Directory. A worker finds the answer; read it at the header Location. For managers and "
        "operators, one question at a time for each. Recorded in the audit trail.",
        request=WhatIfRequest,
        responses={202: WhatIfAnswer, **schema.problems(400, 401, 403, 409, 413, 415, 503)},
        examples=schema.WHAT_IF_EXAMPLES,
        tags=["eligibility"],
    )
    def post(self, request: Request) -> Response:
        changes = [_named(item) for item in read_body(WhatIfRequest, request.data)["changes"]]
        for number, change in enumerate(changes):
            with input_at_fault({field: f"changes[{number}].{field}" for field in _FIELDS}):
                change.understood()
        asked = what_if_ask(actor=actor_of(request), changes=changes)
        answer = Response(WhatIfAnswer(asked).data, status=202)
        answer["Location"] = reverse("api-what-if", args=[asked.pk])
        return answer


class WhatIfView(APIView):
    permission_classes = (AsksWhatIf,)
    parser_classes = (JsonParser,)
    metadata_class = None

    @extend_schema(
        operation_id="what_if_read",
        summary="Read what changes would give and take",
        description="While `state` is `running` there is no `result`; ask again in a second.",
        responses={200: WhatIfAnswer, **schema.problems(401, 403, 404)},
        tags=["eligibility"],
    )
    def get(self, request: Request, what_if_id: str) -> Response:
        return Response(WhatIfAnswer(what_if_for(actor_of(request), what_if_id)).data)


def _named(item: dict[str, Any]) -> NamedChange:
    names = {name: text for name, text in item.items() if name != "kind"}
    return NamedChange.from_json({"kind": item["kind"], "names": names})
