"""What launchers on experts' computers call. They have no token but that of their link."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assist.api import schema
from assist.api.answers import ConfirmationAnswer
from assist.api.fields import read_body
from assist.api.parsers import JsonParser
from assist.api.requests import LaunchReportRequest, LaunchRequest
from assist.offers import launch_confirm, launch_report
from assist.source_address import source_address


class LauncherView(APIView):
    """Whoever has the token of a link."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (JsonParser,)
    metadata_class = None


class ConfirmView(LauncherView):
    @extend_schema(
        operation_id="launches_confirm",
        summary="Confirm a launch link",
        description="Uses the link's token up and says which computer to offer help to. Unknown, "
        "used and late tokens get the same answer.",
        request=LaunchRequest,
        responses={200: ConfirmationAnswer, **schema.problems(400, 409, 413, 415)},
        examples=schema.CONFIRM_EXAMPLES,
        tags=["launches"],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        values = read_body(LaunchRequest, request.data)
        confirmed = launch_confirm(
            token=values["token"], source_address=source_address(request._request)
        )
        document = {
            "offer": confirmed.offer_id,
            "computer": confirmed.computer,
            "report_token": confirmed.report_token,
        }
        return Response(ConfirmationAnswer(document).data)


class ReportView(LauncherView):
    @extend_schema(
        operation_id="launches_report",
        summary="Report what became of a launch",
        description="Taken as evidence that weighs what the expert's own word weighs. A repeated "
        "report changes nothing.",
        request=LaunchReportRequest,
        responses={204: None, **schema.problems(400, 409, 413, 415)},
        examples=schema.REPORT_EXAMPLES,
        tags=["launches"],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        values = read_body(LaunchReportRequest, request.data)
        launch_report(
            token=values["token"],
            event=values["event"],
            exit_code=values.get("exit_code"),
            source_address=source_address(request._request),
        )
        return Response(status=204)
