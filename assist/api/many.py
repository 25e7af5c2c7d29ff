"""The endpoints that answer for many pairs of expert and computer at once."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assist import roles
from assist.api import schema
from assist.api.authentication import Principal
from assist.api.callers import actor_of, input_at_fault, own_account
from assist.api.decision_answers import CountsAnswer, ListingAnswer
from assist.api.fields import read_query
from assist.api.parsers import JsonParser
from assist.api.requests import ComputersQuery, CountsQuery, ExpertsQuery
from assist.eligibility.many.answers import Allowed, Listing, computers_for, counts, experts_for
from assist.eligibility.telling import note_listed
from assist.errors import InvalidInput, NotAllowed
from assist.lifecycle import Mode
from directory.models import Account
from directory.names import find_account, find_computer, find_unit


class AsksWhoMayHelp(BasePermission):
    """A token of scope expert whose account is an expert, a manager or an auditor now."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """False for nobody at all, which is answered with 401.

        Raises:
            NotAllowed: The token is a collector's, or its account has none of these roles.
        """
        if not isinstance(request.user, Principal):
            return False
        if not request.user.actor.roles & {roles.EXPERT, roles.MANAGER, roles.AUDITOR}:
            raise NotAllowed(
                "Who may help where is for experts, managers and auditors.",
                remedy="Use a token of scope expert of somebody who is one of these.",
            )
        return True


class ManyView(APIView):
    """What is asked about many; that it was asked is recorded, and nobody is contacted."""

    permission_classes = (AsksWhoMayHelp,)
    parser_classes = (JsonParser,)
    metadata_class = None


class ComputersView(ManyView):
    @extend_schema(
        operation_id="eligibility_computers",
        summary="List the computers that an expert may help",
        description="Every computer, by name, with the most that is allowed, and how many of the "
        "others are refused for which reason. An expert may ask for herself, managers and "
        "auditors for everybody. Decided anew for every page.",
        parameters=[ComputersQuery],
        responses={200: ListingAnswer, **schema.problems(400, 401, 403)},
        tags=["eligibility"],
    )
    def get(self, request: Request) -> Response:
        values = read_query(ComputersQuery, request.query_params)
        account, unit = _expert(request, values.get("expert")), _unit(values)
        answer = computers_for(account, now=timezone.now(), mode=_mode(values), unit=unit)
        note_listed(
            actor_of(request),
            "computers",
            {"expert": account, "unit": unit, "mode": values.get("mode")},
            len(answer.allowed),
        )
        return _page(answer, values["limit"], values.get("cursor"))


class ExpertsView(ManyView):
    @extend_schema(
        operation_id="eligibility_experts",
        summary="List the experts who may help on a computer",
        description="Everybody with the role expert, by name, with the most that is allowed, and "
        "how many of the others are refused for which reason. For managers and auditors. Decided "
        "anew for every page.",
        parameters=[ExpertsQuery],
        responses={200: ListingAnswer, **schema.problems(400, 401, 403, 503)},
        tags=["eligibility"],
    )
    def get(self, request: Request) -> Response:
        values = read_query(ExpertsQuery, request.query_params)
        _require_reader(request)
        with input_at_fault({}):
            computer = find_computer(values["computer"], field="computer")
        answer = experts_for(computer, now=timezone.now(), mode=_mode(values))
        note_listed(
            actor_of(request),
            "experts",
            {"computer": computer.name, "mode": values.get("mode")},
            len(answer.allowed),
        )
        return _page(answer, values["limit"], values.get("cursor"))


class CountsView(ManyView):
    @extend_schema(
        operation_id="eligibility_counts",
        summary="Count who may help where",
        description="All experts and all computers, in numbers for each organizational unit that "
        "has computers. For managers and auditors. Takes seconds for a large directory.",
        parameters=[CountsQuery],
        responses={200: CountsAnswer, **schema.problems(400, 401, 403)},
        tags=["eligibility"],
    )
    def get(self, request: Request) -> Response:
        values = read_query(CountsQuery, request.query_params)
        _require_reader(request)
        unit = _unit(values)
        answer = counts(now=timezone.now(), mode=_mode(values), unit=unit)
        asked = {"unit": unit, "mode": values.get("mode")}
        note_listed(actor_of(request), "counts", asked, len(answer.units))
        return Response(answer.to_json())


def _unit(values: dict[str, Any]) -> uuid.UUID | None:
    with input_at_fault({}):
        return find_unit(values["unit"]).pk if values.get("unit") else None


def _mode(values: dict[str, Any]) -> Mode | None:
    return Mode(values["mode"]) if values.get("mode") else None


def _expert(request: Request, name: str | None) -> Account:
    """Whom the request asks about: for managers and auditors anybody, else the caller."""
    actor = actor_of(request)
    if name is not None and actor.may_read_audit_trail:
        with input_at_fault({}):
            return find_account(name)
    return own_account(actor, name)


def _require_reader(request: Request) -> None:
    if not actor_of(request).may_read_audit_trail:
        raise NotAllowed(
            "Who may help on a computer is for managers and auditors.",
            remedy="Ask for the computers that you may help.",
        )


def _page(answer: Listing, limit: int, cursor: str | None) -> Response:
    """From the first item after the cursor's; items that come or go between pages move nothing."""
    items: Sequence[Allowed] = answer.allowed
    if cursor is not None:
        after = _read_cursor(cursor)
        items = [item for item in items if _place(item) > after]
    page, whole = items[:limit], answer.to_json()
    return Response(
        {
            "asked": vars(answer.asked),
            "results": [item.to_json() for item in page],
            "next_cursor": _write_cursor(page[-1]) if len(items) > limit else None,
            **{name: whole[name] for name in ("counts", "refused", "decided_at")},
        }
    )


def _place(item: Allowed) -> tuple[str, str]:
    return item.who.name.lower(), item.who.id


def _write_cursor(item: Allowed) -> str:
    return base64.urlsafe_b64encode("\n".join(_place(item)).encode()).decode("ascii")


def _read_cursor(cursor: str) -> tuple[str, str]:
    try:
        name, _, identity = (
            base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
            .decode()
            .partition("\n")
        )
    except ValueError as error:  # so are binascii.Error and UnicodeError
        raise InvalidInput(
            "The cursor is not one that this list gave out.",
            remedy="Send next_cursor of the page before as it is, or leave it out.",
            field="cursor",
        ) from error
    return name, identity
