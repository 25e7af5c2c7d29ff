"""Forms of the pages. They shape input; the services decide what is right."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from assist.eligibility.many.naming import KINDS, KINDS_BY_CODE
from assist.errors import InvalidInput
from assist.models import ReportSchedule, SavedSearch
from assist.models.offer import AUTHORITY_CHOICES, MODE_CHOICES, VIEWER_CHOICES
from assist.protection import MOST_MINUTES, RuleChoice
from assist.what_ifs import LONGEST_NAME
from directory.errors import PortalError
from directory.grouppolicy.kit import Generation, Profile

_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def show_error(form: forms.Form, error: PortalError) -> None:
    """Say a refusal at the field it speaks of, or above the form."""
    field = error.field if error.field in form.fields else None
    form.add_error(field, ValidationError(f"{error.sentence} {error.remedy}".strip()))


def _name(label: str, help_text: str, **attributes: str) -> forms.CharField:
    """A name of the directory; which ones are needed is decided elsewhere."""
    return forms.CharField(
        label=label,
        max_length=LONGEST_NAME,
        required=False,
        help_text=help_text,
        widget=forms.TextInput(attrs=_PLAIN | attributes),
    )


class OfferForm(forms.Form):
    """What an expert types to offer help."""

    target = forms.CharField(
        label="Computer",
        max_length=256,
        help_text="A name or an IP address",
        widget=forms.TextInput(attrs=_PLAIN),
        error_messages={"required": "Name the computer."},
    )
    mode = forms.ChoiceField(
        label="Mode", choices=MODE_CHOICES, initial="control", widget=forms.RadioSelect
    )
    wanted_user = forms.CharField(
        label="User on the computer",
        max_length=256,
        required=False,
        help_text=r"R2\bsmith - only if you want one user and no other",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    ticket = forms.CharField(
        label="Ticket", max_length=64, required=False, widget=forms.TextInput(attrs=_PLAIN)
    )
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        required=False,
        help_text="For the audit trail",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    viewer = forms.ChoiceField(label="Viewer", choices=VIEWER_CHOICES, widget=forms.RadioSelect)
    authority = forms.ChoiceField(
        label="Who calls the computer", required=False, widget=forms.RadioSelect
    )
    start_in = forms.ChoiceField(
        label="Start",
        required=False,
        choices=[
            ("", "now"),
            ("10", "in 10 minutes"),
            ("30", "in 30 minutes"),
            ("60", "in an hour"),
            ("at", "at the time given here:"),
        ],
    )
    start_at = forms.DateTimeField(
        label="Start at",
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": "Give a date and a time."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        allowed = settings.OFFER_AUTHORITIES
        field = self.fields["authority"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - as declared above
        field.choices = [item for item in AUTHORITY_CHOICES if item[0] in allowed]
        field.initial = allowed[0]
        if len(allowed) == 1:
            del self.fields["authority"]

    def start(self, now: datetime) -> datetime | None:
        """When the offer is to start; None: at once.

        Args:
            now: An aware time.
        """
        start_in = self.cleaned_data["start_in"]
        if start_in == "at":
            at: datetime | None = self.cleaned_data["start_at"]
            if at is None:
                raise InvalidInput(
                    "There is no time to start at.",
                    remedy="Give a date and a time.",
                    field="start_at",
                )
            return at
        return now + timedelta(minutes=int(start_in)) if start_in else None


class ProtectionForm(forms.Form):
    """A rule for protected computers."""

    name = forms.CharField(
        label="Name of the rule",
        max_length=100,
        widget=forms.TextInput(attrs=_PLAIN),
        error_messages={"required": "Name the rule."},
    )
    is_enabled = forms.BooleanField(label="The rule holds", required=False, initial=True)
    unit = forms.CharField(
        label="Computers in the unit",
        max_length=1024,
        required=False,
        help_text="With all units below it. With no unit and no group: every computer",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    group = forms.CharField(
        label="Computers in the group",
        max_length=512,
        required=False,
        help_text=r"As R2\Tills; groups within it count",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    needs_ticket = forms.BooleanField(label="An offer has to name a ticket", required=False)
    ticket_pattern = forms.CharField(
        label="Form of the ticket",
        max_length=200,
        required=False,
        help_text="# is a digit, * is anything: INC-#######, CHG*",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    needs_reason = forms.BooleanField(label="An offer has to give a reason", required=False)
    hours = forms.CharField(
        label="Hours in which help may be offered",
        max_length=500,
        required=False,
        help_text="Mon-Fri 08:00-18:00, Sat 22:00-06:00. Empty: at any time",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    time_zone = forms.CharField(
        label="Time zone of the hours",
        max_length=64,
        required=False,
        help_text="America/Winnipeg. Empty: the portal's",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    needs_approval = forms.BooleanField(label="A second person has to approve", required=False)
    approver_group = forms.CharField(
        label="Who may approve",
        max_length=512,
        required=False,
        help_text="A group. Empty: whoever has the role approver or manager",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    approval_minutes = forms.IntegerField(
        label="An approval counts for, in minutes",
        required=False,
        min_value=0,
        max_value=MOST_MINUTES,
        help_text="For further offers of the same expert to the same computer. 0: for one offer",
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "numeric"}),
    )

    def choice(self) -> RuleChoice:
        """What was chosen."""
        minutes = self.cleaned_data["approval_minutes"] or 0
        return RuleChoice(**self.cleaned_data | {"approval_minutes": minutes})


class AuditFilterForm(forms.Form):
    """What a reader of the audit trail looks for. Every field may stay empty."""

    kind = forms.ChoiceField(label="Event", required=False)
    person = forms.CharField(
        label="Person", max_length=256, required=False, widget=forms.TextInput(attrs=_PLAIN)
    )
    computer = forms.CharField(
        label="Computer", max_length=256, required=False, widget=forms.TextInput(attrs=_PLAIN)
    )
    ticket = forms.CharField(
        label="Ticket", max_length=64, required=False, widget=forms.TextInput(attrs=_PLAIN)
    )

    def __init__(self, *args: Any, kinds: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - as declared above
        field.choices = [("", "Every event"), *((kind, kind) for kind in kinds)]


class PreferencesForm(forms.Form):
    """How somebody likes to work."""

    viewer = forms.ChoiceField(
        label="Open invitations with", choices=VIEWER_CHOICES, widget=forms.RadioSelect
    )


class ReportScheduleForm(forms.Form):
    """Who gets the overview, and how often."""

    recipient = forms.CharField(
        label="Reader",
        max_length=256,
        help_text=r"A manager or auditor, as R2\tmanager",
        widget=forms.TextInput(attrs=_PLAIN),
        error_messages={"required": "Name the reader."},
    )
    cadence = forms.ChoiceField(
        label="How often", choices=ReportSchedule.Cadence.choices, initial="weekly"
    )


class SweepForm(forms.Form):
    """Which computers to check."""

    unit = forms.CharField(
        label="Unit",
        max_length=1024,
        required=False,
        help_text="With all units below it; empty: all computers",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    search = forms.ModelChoiceField(
        label="Saved search",
        queryset=SavedSearch.objects.all(),
        required=False,
        empty_label="none",
    )
    at_once = forms.BooleanField(label="Do not wait for the permitted hours", required=False)


class SavedSearchForm(forms.Form):
    """A set of computers to come back to."""

    name = forms.CharField(
        label="Name of the search",
        max_length=100,
        widget=forms.TextInput(attrs=_PLAIN),
        error_messages={"required": "Name the search."},
    )
    text = forms.CharField(
        label="Computer",
        max_length=256,
        required=False,
        help_text="Part of the name",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    unit = forms.CharField(
        label="Unit",
        max_length=1024,
        required=False,
        help_text="With all units below it",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    operating_system = forms.CharField(
        label="Operating system",
        max_length=256,
        required=False,
        help_text="Part of its name",
        widget=forms.TextInput(attrs=_PLAIN),
    )


class GroupPolicyKitForm(forms.Form):
    """What a policy shall say."""

    name = forms.CharField(
        label="Name of the policy",
        max_length=255,
        initial="Offer Remote Assistance",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    mode = forms.ChoiceField(
        label="Helpers may",
        choices=[("view", "view"), ("control", "ask for control too")],
        initial="control",
        widget=forms.RadioSelect,
    )
    helpers = forms.CharField(
        label="Helpers",
        max_length=20_000,
        help_text=r"One in each line, as R2\Helpdesk Winnipeg; groups rather than accounts",
        widget=forms.Textarea(attrs={"rows": 4, **_PLAIN}),
        error_messages={"required": "Name at least one group of helpers."},
    )
    generations = forms.MultipleChoiceField(
        label="The computers run",
        choices=[(item.value, item.words) for item in Generation],
        initial=[Generation.VISTA.value],
        widget=forms.CheckboxSelectMultiple,
    )
    profiles = forms.MultipleChoiceField(
        label="Offers arrive",
        choices=[
            (Profile.DOMAIN.value, "in the domain's network"),
            (Profile.STANDARD.value, "in private networks too (Windows XP: in any other)"),
        ],
        initial=[Profile.DOMAIN.value],
        widget=forms.CheckboxSelectMultiple,
    )
    session_logging = forms.ChoiceField(
        label="Log of sessions on the computer",
        choices=[("", "as the user likes"), ("on", "always"), ("off", "never")],
        required=False,
    )
    view_message = forms.CharField(
        label="Message before the screen is shown",
        max_length=1023,
        required=False,
        help_text="Empty: that of Windows",
    )
    control_message = forms.CharField(
        label="Message before control is shared", max_length=1023, required=False
    )
    event_log = forms.BooleanField(label="Let the event log be read remotely", required=False)
    compare_with = forms.CharField(
        label="Compare with the policy",
        max_length=255,
        required=False,
        help_text="A name or GUID; what it says otherwise is listed",
        widget=forms.TextInput(attrs=_PLAIN),
    )


class WhatIfForm(forms.Form):
    """One change that somebody may be about to make: its kind, and the names of that kind."""

    kind = forms.ChoiceField(
        label="What if",
        choices=[(kind.code, kind.words) for kind in KINDS],
        initial=KINDS[0].code,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a change."},
    )
    policy = _name("Policy", "Its name or GUID", list="known-policies")
    group = _name("Group", r"As R2\Helpdesk Winnipeg")
    who = _name("Account or group", r"As R2\mjones; a computer too may become a member")
    unit = _name("Unit", "Its distinguished name, as OU=Winnipeg,DC=r2,DC=local")
    container = _name("Unit or domain", "A unit's distinguished name, or a domain's name")
    trusting = _name("Domain that trusts", "Its computers let the other's in", list="known-domains")
    trusted = _name("Domain that is trusted", "Its DNS name", list="known-domains")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for field in self.needed:
            if not data.get(field) and field not in self.errors:
                self.add_error(field, f"Fill in: {self.fields[field].label}.")
        return data

    @property
    def needed(self) -> tuple[str, ...]:
        """The fields of the kind that was chosen."""
        kind = KINDS_BY_CODE.get(self.data.get("kind", ""))
        return kind.fields if kind else ()

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed for the kind that was chosen."""
        return not any(self.data.get(field, "").strip() for field in self.needed)

    @property
    def names(self) -> dict[str, str]:
        """What was typed for the kind that was chosen."""
        return {field: self.cleaned_data[field] for field in self.needed}
