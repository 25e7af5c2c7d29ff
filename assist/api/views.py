"""The endpoints. They translate and delegate; the rules live in the services."""

from __future__ import annotations

from dataclasses import asdict

from django.contrib.auth import get_user_model
from django.db.models import prefetch_related_objects
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assist.actors import Actor
from assist.api import schema
from assist.api.answers import ReceivedAnswer
from assist.api.callers import actor_of, input_at_fault, own_account, principal_of
from assist.api.decision_answers import DecisionAnswer
from assist.api.fields import read_body, read_query
from assist.api.offer_answers import OfferAnswer, OfferListAnswer, OfferSummary
from assist.api.pages import page_of_offers
from assist.api.parsers import JsonParser, WindowsEventsParser
from assist.api.permissions import ActsAsExpert, DeliversWindowsEvents
from assist.api.requests import (
    EligibilityQuery,
    LogonSessionRequest,
    NothingRequest,
    OfferListQuery,
    OfferRequest,
    RetryRequest,
    WindowsEventsRequest,
)
from assist.eligibility import explain
from assist.eligibility.telling import note_explained
from assist.lifecycle import Mode
from assist.models import Offer
from assist.offers import (
    offer_cancel,
    offer_choose_session,
    offer_for,
    offer_request,
    offer_retry,
)
from assist.offers.reading import offers_for
from assist.windows_events import windows_events_receive
from directory.names import find_computer

_OFFER_FIELDS = {"computer": "target", "wanted_user": "user"}


class ExpertView(APIView):
    """What experts' programs call."""

    permission_classes = (ActsAsExpert,)
    parser_classes = (JsonParser,)
    metadata_class = None


class OffersView(ExpertView):
    @extend_schema(
        operation_id="offers_create",
        summary="Offer help",
        description="Decides on the offer and records it. One that is let through is `queued` and "
        "a worker contacts the computer, or `held` until its `start_at` or a second person's "
        "approval; one that the decision refuses is answered alike, in state "
        "`refused`, with the findings that say why and who can change it. The invitation is never "
        "given here: the expert takes it on the offer's `page`.",
        request=OfferRequest,
        responses={201: OfferAnswer, **schema.problems(400, 401, 403, 413, 415, 503)},
        examples=schema.CREATE_EXAMPLES,
        tags=["offers"],
    )
    def post(self, request: Request) -> Response:
        actor = actor_of(request)
        values = read_body(OfferRequest, request.data)
        with input_at_fault(_OFFER_FIELDS):
            offer = offer_request(
                actor=actor,
                target=values["target"],
                mode=Mode(values["mode"]),
                viewer=values.get("viewer") or _preferred_viewer(actor),
                door="api",
                wanted_user=values["user"],
                ticket=values["ticket"],
                reason=values["reason"],
                authority=values.get("authority", ""),
                start_at=values.get("start_at"),
            )
        answer = _offer_answer(offer, status=201)
        answer["Location"] = reverse("api-offer", args=[offer.pk])
        return answer

    @extend_schema(
        operation_id="offers_list",
        summary="List offers",
        description="The expert's own offers, the newest first; those who may read everyone's "
        "offers (managers, auditors, operators) get everyone's.",
        parameters=[OfferListQuery],
        responses={200: OfferListAnswer, **schema.problems(400, 401, 403)},
        examples=schema.LIST_EXAMPLES,
        tags=["offers"],
    )
    def get(self, request: Request) -> Response:
        values = read_query(OfferListQuery, request.query_params)
        offers = offers_for(actor_of(request))
        if "state" in values:
            offers = offers.filter(state=values["state"])
        page = page_of_offers(offers, limit=values["limit"], cursor=values.get("cursor"))
        return Response(
            {
                "results": OfferSummary(page.offers, many=True).data,
                "next_cursor": page.next_cursor,
            }
        )


class OfferView(ExpertView):
    @extend_schema(
        operation_id="offers_read",
        summary="Read an offer",
        responses={200: OfferAnswer, **schema.problems(401, 403, 404)},
        examples=schema.OFFER_EXAMPLES,
        tags=["offers"],
    )
    def get(self, request: Request, offer_id: str) -> Response:
        return _offer_answer(offer_for(actor_of(request), offer_id))


class LogonSessionView(ExpertView):
    @extend_schema(
        operation_id="offers_choose_logon_session",
        summary="Choose whom to ask",
        description="For an offer that is `choosing`: several people are logged on.",
        request=LogonSessionRequest,
        responses={200: OfferAnswer, **schema.problems(400, 401, 403, 404, 409, 413, 415)},
        examples=schema.CHOICE_EXAMPLES,
        tags=["offers"],
    )
    def post(self, request: Request, offer_id: str) -> Response:
        actor = actor_of(request)
        offer = offer_for(actor, offer_id)
        values = read_body(LogonSessionRequest, request.data)
        return _offer_answer(
            offer_choose_session(
                actor=actor, offer=offer, logon_session_id=values["logon_session_id"]
            )
        )


class CancelView(ExpertView):
    @extend_schema(
        operation_id="offers_cancel",
        summary="Cancel an offer",
        description="Takes an offer back before the user has accepted it. The body is empty.",
        request=None,
        responses={200: OfferAnswer, **schema.problems(400, 401, 403, 404, 409, 413, 415)},
        examples=schema.CANCEL_EXAMPLES,
        tags=["offers"],
    )
    def post(self, request: Request, offer_id: str) -> Response:
        actor = actor_of(request)
        offer = offer_for(actor, offer_id)
        read_body(NothingRequest, request.data)
        return _offer_answer(offer_cancel(actor=actor, offer=offer))


class RetryView(ExpertView):
    @extend_schema(
        operation_id="offers_retry",
        summary="Try an offer again",
        description="Makes an offer that has ended once more, decided anew; `retry_of` names the "
        "first try.",
        request=RetryRequest,
        responses={201: OfferAnswer, **schema.problems(400, 401, 403, 404, 409, 413, 415)},
        examples=schema.RETRY_EXAMPLES,
        tags=["offers"],
    )
    def post(self, request: Request, offer_id: str) -> Response:
        actor = actor_of(request)
        offer = offer_for(actor, offer_id)
        values = read_body(RetryRequest, request.data)
        with input_at_fault(_OFFER_FIELDS):
            again = offer_retry(
                actor=actor, offer=offer, door="api", authority=values.get("authority", "")
            )
        answer = _offer_answer(again, status=201)
        answer["Location"] = reverse("api-offer", args=[again.pk])
        return answer


class EligibilityView(ExpertView):
    @extend_schema(
        operation_id="eligibility_explain",
        summary="Explain a decision",
        description="What the decision on an offer would be now, with every finding. No offer is "
        "made and nobody is contacted; that it was asked is recorded. A program may ask for its "
        "own account only.",
        parameters=[EligibilityQuery],
        responses={200: DecisionAnswer, **schema.problems(400, 401, 403, 503)},
        examples=schema.ELIGIBILITY_EXAMPLES,
        tags=["eligibility"],
    )
    def get(self, request: Request) -> Response:
        values = read_query(EligibilityQuery, request.query_params)
        account = own_account(actor_of(request), values.get("expert"))
        with input_at_fault({}):
            computer = find_computer(values["computer"], field="computer")
        decision = explain(account, computer, Mode(values["mode"]), now=timezone.now())
        note_explained(actor_of(request), account, computer, [decision])
        return Response(DecisionAnswer(decision.to_json()).data)


class WindowsEventsView(APIView):
    """What a Windows event collector calls."""

    permission_classes = (DeliversWindowsEvents,)
    parser_classes = (WindowsEventsParser,)
    metadata_class = None

    @extend_schema(
        operation_id="windows_events_deliver",
        summary="Deliver Windows events",
        description="Up to 1,000 events and 1 MiB at once, in any order; an event delivered twice "
        "is kept once. If one event cannot be used, none is kept and the error names it by its "
        "index.",
        request=WindowsEventsRequest,
        responses={200: ReceivedAnswer, **schema.problems(400, 401, 403, 413, 415)},
        examples=schema.EVENTS_EXAMPLES,
        tags=["windows-events"],
    )
    def post(self, request: Request) -> Response:
        principal = principal_of(request)
        values = read_body(WindowsEventsRequest, request.data)
        with input_at_fault({}):
            received = windows_events_receive(
                events=values["events"],
                token=principal.token,
                actor=principal.actor,
                now=timezone.now(),
            )
        return Response(ReceivedAnswer(asdict(received)).data)


class SchemaView(SpectacularAPIView):
    """This API's description. It holds no secret: anybody may read it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    metadata_class = None

    @extend_schema(
        operation_id="schema_read",
        summary="This description",
        responses={200: OpenApiResponse(description="An OpenAPI document, in YAML or JSON.")},
        tags=["schema"],
        auth=[],
    )
    def get(self, request: Request) -> Response:
        answer: Response = super().get(request)  # type: ignore[no-untyped-call]
        return answer


class NowhereView(APIView):
    """Every other address under ``/api/v1/``: a problem document, where Django has a page."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise NotFound("There is nothing at this address.")


def _offer_answer(offer: Offer, status: int = 200) -> Response:
    prefetch_related_objects(
        [offer],
        "transitions",
        "logon_sessions",
        "evidence__windows_event",
        "log_following",
        "approvals",
    )
    return Response(OfferAnswer(offer).data, status=status)


def _preferred_viewer(actor: Actor) -> str:
    """What she chose on her page; Windows' own where she has never signed in there."""
    user = get_user_model().objects.filter(sid=actor.sid).only("viewer").first()
    return user.viewer if user else "windows"
