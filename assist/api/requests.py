"""What programs send. These only shape input; whether it makes sense is decided below."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assist.api.fields import (
    AwareTime,
    StrictChoice,
    StrictInteger,
    StrictSerializer,
    StrictText,
)
from assist.models.offer import (
    AUTHORITY_CHOICES,
    MODE_CHOICES,
    STATE_CHOICES,
    VIEWER_CHOICES,
)
from assist.offers.handing_off import REPORTS

MAX_EVENTS = 1000
_MAX_INTEGER = 2**31 - 1


class OfferRequest(StrictSerializer):
    """An offer to make."""

    target = StrictText(
        max_length=256, help_text="The computer: its name, its DNS name or an IP address."
    )
    mode = StrictChoice(MODE_CHOICES, help_text="What the expert means to do.")
    user = StrictText(
        max_length=256,
        required=False,
        allow_blank=True,
        default="",
        help_text=r"Whom of the computer's users to ask, as DOMAIN\name; empty: whoever is there.",
    )
    ticket = StrictText(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="A reference to the ticket.",
    )
    reason = StrictText(
        max_length=500,
        required=False,
        allow_blank=True,
        default="",
        help_text="Why, for the audit trail.",
    )
    viewer = StrictChoice(
        VIEWER_CHOICES,
        required=False,
        help_text="What the expert will open the invitation with; left out: what she chose last.",
    )
    authority = StrictChoice(
        AUTHORITY_CHOICES,
        required=False,
        help_text="Whose account calls the computer; left out: the portal's first choice.",
    )
    start_at = AwareTime(
        required=False,
        allow_null=True,
        help_text="Not before; with its zone. Left out: at once.",
    )


class RetryRequest(StrictSerializer):
    """Once more; the body may be left out."""

    authority = StrictChoice(
        AUTHORITY_CHOICES, required=False, help_text="Another authority than before."
    )


class ReasonRequest(StrictSerializer):
    """Why an offer is approved."""

    reason = StrictText(
        max_length=500,
        required=False,
        allow_blank=True,
        default="",
        help_text="For the audit trail.",
    )


class RefusalRequest(StrictSerializer):
    """Why an offer is not approved."""

    reason = StrictText(max_length=500, help_text="The expert reads it.")


class LaunchRequest(StrictSerializer):
    """The token of a launch link."""

    token = StrictText(max_length=128)


class LaunchReportRequest(StrictSerializer):
    """What a launcher saw."""

    token = StrictText(max_length=128, help_text="`report_token` of the confirmation.")
    event = StrictChoice([(name, name) for name in REPORTS], help_text="What happened.")
    exit_code = StrictInteger(
        required=False,
        allow_null=True,
        min_value=-(2**31),
        max_value=2**32 - 1,
        help_text="Of msra.exe, at its end.",
    )


class LogonSessionRequest(StrictSerializer):
    """The logon session to ask."""

    logon_session_id = StrictInteger(
        min_value=0, max_value=_MAX_INTEGER, help_text="One of the offer's logon_sessions."
    )


class NothingRequest(StrictSerializer):
    """A body without fields; it may be left out."""


class OfferListQuery(StrictSerializer):
    """Which offers to list."""

    state = StrictChoice(STATE_CHOICES, required=False, help_text="Only offers in this state.")
    limit = serializers.IntegerField(
        min_value=1, max_value=200, default=50, help_text="The most offers to answer with."
    )
    cursor = StrictText(
        max_length=256, required=False, help_text="`next_cursor` of the page before."
    )


class EligibilityQuery(StrictSerializer):
    """Whose offer to which computer to decide on."""

    computer = StrictText(
        max_length=256, help_text="The computer: its name, its DNS name or an IP address."
    )
    mode = StrictChoice(MODE_CHOICES, default="control", help_text="What the expert means to do.")
    expert = StrictText(
        max_length=256,
        required=False,
        help_text="The token's own account, in any form of its name; left out: the same.",
    )


class ManyQuery(StrictSerializer):
    """What is asked about many pairs."""

    mode = StrictChoice(
        MODE_CHOICES, required=False, help_text="Only this mode; left out: the most allowed."
    )


class PageQuery(ManyQuery):
    """The same, page by page."""

    limit = serializers.IntegerField(
        min_value=1, max_value=1000, default=200, help_text="The most results to answer with."
    )
    cursor = StrictText(
        max_length=1024, required=False, help_text="`next_cursor` of the page before."
    )


class UnitField(StrictText):
    """An organizational unit."""

    def __init__(self) -> None:
        super().__init__(
            max_length=1024,
            required=False,
            help_text="Distinguished name: only computers in this organizational unit or below.",
        )


class ComputersQuery(PageQuery):
    """Whose computers to list."""

    expert = StrictText(
        max_length=256, required=False, help_text="Whose; left out: the token's own account."
    )
    unit = UnitField()


class ExpertsQuery(PageQuery):
    """Whose experts to list."""

    computer = StrictText(
        max_length=256, help_text="The computer: its name, its DNS name or an IP address."
    )


class CountsQuery(ManyQuery):
    """What to count."""

    unit = UnitField()


class WindowsEventShape(serializers.Serializer[Any]):
    """One event, by Windows' own field names. For the description alone: the service checks it."""

    Provider = serializers.CharField(
        required=False, help_text="Microsoft-Windows-RemoteAssistance; nothing else is taken."
    )
    Channel = serializers.CharField(max_length=256)
    EventID = serializers.IntegerField(min_value=0, max_value=65535)
    EventRecordID = serializers.IntegerField(min_value=0)
    Computer = serializers.CharField(max_length=256, help_text="Its DNS name, or its bare name.")
    TimeCreated = serializers.DateTimeField(help_text="With its zone.")
    ProcessID = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    UserID = serializers.CharField(required=False, allow_blank=True, help_text="A SID.")
    EventData = serializers.DictField(required=False)


@extend_schema_field(WindowsEventShape)
class WindowsEventField(serializers.DictField):
    """An event as it came."""


class WindowsEventsRequest(StrictSerializer):
    """Events as a Windows event collector delivers them."""

    events = serializers.ListField(
        child=WindowsEventField(),
        min_length=1,
        max_length=MAX_EVENTS,
        help_text="Events of the channels of Microsoft-Windows-RemoteAssistance.",
    )
