"""Approvals of held offers, for the programs of those who may approve."""

from __future__ import annotations

import uuid

from django.db.models import prefetch_related_objects
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assist.api import schema
from assist.api.callers import actor_of
from assist.api.fields import read_body
from assist.api.offer_answers import OfferAnswer, WaitingAnswer
from assist.api.parsers import JsonParser
from assist.api.permissions import ActsAsSomebody
from assist.api.requests import ReasonRequest, RefusalRequest
from assist.errors import OfferNotFound
from assist.models import Offer
from assist.offers import approvals_for, offer_approve, offer_disapprove

_STATUSES = (400, 401, 403, 404, 409, 413, 415)


class ApproverView(APIView):
    """Whom the rules name decides what a token may do here; there is no role for it alone."""

    permission_classes = (ActsAsSomebody,)
    parser_classes = (JsonParser,)
    metadata_class = None


class ApprovalsView(ApproverView):
    @extend_schema(
        operation_id="approvals_list",
        summary="List what waits for approval",
        description="The held offers that the token's account may approve or refuse, the oldest "
        "first; never its own.",
        responses={200: WaitingAnswer, **schema.problems(401, 403)},
        examples=schema.APPROVALS_EXAMPLES,
        tags=["approvals"],
    )
    def get(self, request: Request) -> Response:
        offers = approvals_for(actor_of(request))
        return Response({"results": OfferAnswer(_whole(offers), many=True).data})


class ApproveView(ApproverView):
    @extend_schema(
        operation_id="approvals_approve",
        summary="Approve an offer",
        description="Lets a held offer go on as far as the rules leave it to the token's account: "
        "it is decided anew and queued, refused, or held for its time or for somebody else.",
        request=ReasonRequest,
        responses={200: OfferAnswer, **schema.problems(*_STATUSES)},
        examples=schema.APPROVE_EXAMPLES,
        tags=["approvals"],
    )
    def post(self, request: Request, offer_id: str) -> Response:
        values = read_body(ReasonRequest, request.data)
        offer = offer_approve(
            actor=actor_of(request), offer=_offer(offer_id), reason=values["reason"]
        )
        return Response(OfferAnswer(_whole([offer])[0]).data)


class RefuseView(ApproverView):
    @extend_schema(
        operation_id="approvals_refuse",
        summary="Refuse an offer",
        description="Ends a held offer.",
        request=RefusalRequest,
        responses={200: OfferAnswer, **schema.problems(*_STATUSES)},
        examples=schema.REFUSE_EXAMPLES,
        tags=["approvals"],
    )
    def post(self, request: Request, offer_id: str) -> Response:
        values = read_body(RefusalRequest, request.data)
        offer = offer_disapprove(
            actor=actor_of(request), offer=_offer(offer_id), reason=values["reason"]
        )
        return Response(OfferAnswer(_whole([offer])[0]).data)


def _offer(offer_id: str) -> Offer:
    """Any offer: the service says what the actor may do with it.

    Raises:
        OfferNotFound: There is none with this id.
    """
    try:
        return Offer.objects.get(pk=uuid.UUID(offer_id))
    except (ValueError, Offer.DoesNotExist):
        raise OfferNotFound from None


def _whole(offers: list[Offer]) -> list[Offer]:
    prefetch_related_objects(offers, "transitions", "logon_sessions", "evidence", "approvals")
    return offers
