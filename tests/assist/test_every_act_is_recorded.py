"""Every address, command and task records its act, or there is a reason why it records none."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from celery import current_app
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

from assist import audit
from assist.actors import Actor
from assist.audit.kinds import KINDS, Kind
from assist.lifecycle import State
from tests.environment import ROOT

Recorded = frozenset[str] | str  # kinds, or the reason why there are none

STEPS = frozenset(f"offer.{state}" for state in State)
REQUEST = STEPS | {"offer.decided", "ticket.handed", "alert.offer_burst"}
CONTACT = STEPS | {
    "offer.decided",
    "offer.starting",
    "ticket.taken",
    "ticket.wiped",
    "event_log.not_followed",
}
EVIDENCE = STEPS | {
    "evidence.recorded",
    "outcome.corrected",
    "offer.controlled",
    "event_log.cleared",
    "invitation.wiped",
}
OWN = "It shows the expert her own offers, whose steps are recorded."
PART = "A part of a page that was recorded when it was opened."
SET_UP = "It prints something new and changes nothing."
CLOCK = "It asks for tasks that record what they do."
HOUSEKEEPING = "It removes what nobody can see any more."


def kinds(*names: str) -> frozenset[str]:
    return frozenset(names)


ADDRESSES: dict[str, Recorded] = {
    "home": kinds("computer.searched"),
    "home-live": OWN,
    "computer-search": kinds("computer.searched"),
    "computer": kinds("eligibility.explained"),
    "readiness-asked": kinds("readiness.check_asked", "readiness.sessions_asked"),
    "readiness-live": PART,
    "offers": "It lists offers, whose steps are recorded; each is recorded as a report is.",
    "offer-create": REQUEST,
    "offer": OWN,
    "offer-live": OWN,
    "offer-choose": kinds("offer.contacting"),
    "offer-cancel": kinds("offer.cancelled", "ticket.wiped", "invitation.wiped"),
    "offer-report": EVIDENCE,
    "offer-invitation": kinds("invitation.taken"),
    "offer-retry": REQUEST,
    "offer-launch": kinds("launch.signed", "offer.offered"),
    "approvals": "It lists offers that wait, whose steps are recorded.",
    "approvals-live": PART,
    "approval-give": STEPS | kinds("approval.approved", "approval.refused"),
    "protection": "It shows the rules, which are no secret of a person.",
    "protection-new": kinds("protection.made"),
    "protection-rule": kinds("protection.changed"),
    "protection-delete": kinds("protection.deleted"),
    "alert-seen": kinds("alert.seen"),
    "launcher": "It says how the launcher is installed.",
    "launcher-file": kinds("launcher.taken"),
    "audit": kinds("audit.read"),
    "audit-verify": kinds("audit.verified"),
    "directory": "It shows how the directory is read, of no person.",
    "directory-live": PART,
    "directory-read": kinds("directory.read_requested", "directory.removals_accepted"),
    "directory-run": "It shows what a run did, which is recorded.",
    "directory-search": "It shows operators the picture that they look after.",
    "directory-path": "It shows operators the picture that they look after.",
    "directory-object": "It shows operators the picture that they look after.",
    "directory-object-live": kinds("directory.object_read"),
    "readiness": kinds("report.read"),
    "readiness-computers": kinds("report.read"),
    "readiness-csv": kinds("report.exported"),
    "readiness-sweeps": PART,
    "sweep-start": kinds("readiness.sweep_started"),
    "sweep-cancel": kinds("readiness.sweep_cancelled"),
    "search-save": kinds("readiness.search_saved"),
    "search-delete": kinds("readiness.search_deleted"),
    "group-policy-kit": kinds("group_policy_kit.taken"),
    "what-ifs": kinds("what_if.asked"),
    "what-if": "It shows an answer that was recorded when it was asked for.",
    "what-if-live": PART,
    "what-if-cancel": kinds("what_if.cancelled"),
    "reports": kinds("report.read"),
    "report-breakdown-file": kinds("report.exported"),
    "report-offers": kinds("report.read"),
    "report-offers-file": kinds("report.exported"),
    "report-offer": kinds("report.read"),
    "report-schedules": kinds("report.scheduled"),
    "report-schedule-end": kinds("report.unscheduled"),
    "report-coverage": kinds("report.read"),
    "report-coverage-rows": kinds("report.read"),
    "report-coverage-number": "It is a number of a row of the page, which was recorded.",
    "report-coverage-file": kinds("report.exported"),
    "report-expert": kinds("report.read"),
    "report-computer": kinds("report.read"),
    "report-view-save": kinds("report.view_saved"),
    "report-view-forget": kinds("report.view_forgotten"),
    "preferences": "It keeps which viewer somebody uses.",
    "sign-in": kinds("sign_in", "sign_in.refused", "roles.changed"),
    "sign-in-with-windows": kinds("sign_in", "sign_in.refused", "roles.changed"),
    "sign-out": kinds("sign_out"),
    "health": "It tells machines whether the portal works, nothing of anybody.",
    "favicon": "It is a picture.",
    "api-offers": REQUEST,
    "api-offer": OWN,
    "api-logon-session": kinds("offer.contacting"),
    "api-cancel": kinds("offer.cancelled", "ticket.wiped", "invitation.wiped"),
    "api-retry": REQUEST,
    "api-approvals": "It lists offers that wait, whose steps are recorded.",
    "api-approve": STEPS | kinds("approval.approved"),
    "api-refuse": STEPS | kinds("approval.refused"),
    "api-launch-confirm": STEPS | kinds("offer.decided", "offer.starting"),
    "api-launch-report": EVIDENCE,
    "api-eligibility": kinds("eligibility.explained"),
    "api-computers": kinds("eligibility.listed"),
    "api-experts": kinds("eligibility.listed"),
    "api-counts": kinds("eligibility.listed"),
    "api-what-ifs": kinds("what_if.asked"),
    "api-what-if": "It tells an answer that was recorded when it was asked for.",
    "api-report-overview": kinds("report.read"),
    "api-report-breakdown": kinds("report.read"),
    "api-report-offers": kinds("report.read"),
    "api-report-coverage": kinds("report.read"),
    "api-report-coverage-rows": kinds("report.read"),
    "api-report-expert": kinds("report.read"),
    "api-report-computer": kinds("report.read"),
    "api-audit-events": kinds("report.read"),
    "api-windows-events": EVIDENCE | kinds("windows_events.received"),
    "api-schema": "It describes the API.",
}
COMMANDS: dict[str, Recorded] = {
    "api_token": kinds("token.created", "token.revoked"),
    "audit_checkpoint": "It writes a checkpoint, of which a row and the sink tell.",
    "audit_export": kinds("audit.exported"),
    "audit_key": SET_UP,
    "audit_pseudonymise": kinds("audit.pseudonymised"),
    "audit_retention": kinds("audit.removed"),
    "audit_verify": kinds("audit.verified"),
    "doctor": "It looks at the portal's own accounts and changes nothing.",
    "explain_matrix": kinds("eligibility.listed"),
    "explain_offer": kinds("eligibility.explained"),
    "group_policy_kit": kinds("group_policy_kit.taken"),
    "invitation_key": SET_UP,
    "launch_key": SET_UP,
    "offer": REQUEST | kinds("invitation.taken"),
    "sweep_readiness": kinds("readiness.sweep_started", "readiness.sweep_cancelled"),
    "sync_directory": kinds("directory.synchronised", "helper_list.changed"),
    "what_if": "It answers whoever has the machine, and keeps nothing.",
}
TASKS: dict[str, Recorded] = {
    "assist.add_up_offers": "It adds up what is recorded.",
    "assist.answer_what_if": "The question was recorded.",
    "assist.check_readiness": "The question was recorded.",
    "assist.contact_novice": CONTACT,
    "assist.continue_readiness_sweeps": kinds("readiness.sweep_started"),
    "assist.continue_what_ifs": CLOCK,
    "assist.forget_old_readiness": HOUSEKEEPING,
    "assist.look_at_event_logs": CLOCK,
    "assist.note_settings": kinds("settings.changed"),
    "assist.read_event_logs": EVIDENCE,
    "assist.remove_old_audit_events": kinds("audit.removed"),
    "assist.seal_audit_events": "It gives events their seals.",
    "assist.send_reports": kinds("report.sent"),
    "assist.sweep_offers": STEPS | kinds("invitation.wiped", "ticket.wiped"),
    "assist.sweep_readiness": "Its start was recorded, and what it found is kept.",
    "assist.watch_audit_trail": kinds("alert.audit_behind"),
    "assist.write_audit_checkpoint": "It writes a checkpoint, of which a row and the sink tell.",
    "directory.forget_old_runs": HOUSEKEEPING,
    "directory.sync_directory": kinds("directory.synchronised", "helper_list.changed"),
    "directory.sync_due_domains": CLOCK,
    "portal.clear_sessions": HOUSEKEEPING,
}
RECORDERS = ("record", "_record", "_note")
OURS = ("assist", "directory", "portal")


def addresses(resolver: URLResolver) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name


def commands() -> set[str]:
    return {name for name, app in get_commands().items() if app in OURS}


def tasks() -> set[str]:
    current_app.loader.import_default_modules()
    return {name for name in current_app.tasks if name.startswith(tuple(f"{app}." for app in OURS))}


def recorded_in_code() -> set[str]:
    """The kinds that calls of ``record`` name, and the beginnings of those that they compute."""
    found: set[str] = set()
    for app in OURS:
        for file in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and node.args and _name(node) in RECORDERS:
                    texts = [part for arg in node.args[:2] for part in ast.walk(arg)]
                    found |= {
                        str(part.value)
                        for part in texts
                        if isinstance(part, ast.Constant)
                        and (part.value in KINDS or "." in str(part.value))
                    }
    return found


def _name(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def test_every_address_has_its_events_or_a_reason() -> None:
    assert set(addresses(get_resolver())) == set(ADDRESSES)


def test_every_command_has_its_events_or_a_reason() -> None:
    assert commands() == set(COMMANDS)


def test_every_task_has_its_events_or_a_reason() -> None:
    assert tasks() == set(TASKS)


def test_what_they_record_is_in_the_table_and_the_whole_table_is_recorded() -> None:
    everything = (*ADDRESSES.values(), *COMMANDS.values(), *TASKS.values())
    named = {name for recorded in everything if not isinstance(recorded, str) for name in recorded}
    assert named == {name for name in KINDS if not name.startswith("test.")}


def test_each_kind_that_code_records_is_described() -> None:
    found = recorded_in_code()
    beginnings = ("offer.", "approval.")  # f"offer.{state}"
    assert {name for name in found if name not in KINDS} == set(beginnings)
    computed = {f"offer.{state}" for state in State} | {"approval.approved", "approval.refused"}
    described = {name for name in KINDS if not name.startswith("test.")}
    assert described == (found - set(beginnings)) | computed


def test_the_document_says_what_the_table_says() -> None:
    text = (ROOT / "docs" / "audit-events.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    said = {Kind(name, sentence, subject, data, by) for name, sentence, by, subject, data in rows}
    assert said == {kind for name, kind in KINDS.items() if not name.startswith("test.")}


@pytest.mark.django_db
def test_what_nobody_has_described_cannot_be_recorded() -> None:
    with pytest.raises(LookupError, match=r"offer\.vanished"):
        audit.record("offer.vanished", actor=Actor.portal())
