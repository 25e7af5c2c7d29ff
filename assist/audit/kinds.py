"""Every kind of event that the audit trail knows; docs/audit-events.md says the same.

What is not in this table cannot be recorded, so nothing is recorded that nobody has described.
"""

from __future__ import annotations

from dataclasses import dataclass

from assist.lifecycle import LABELS, State

PERSON, PORTAL, EITHER = "a person", "the portal", "a person or the portal"


@dataclass(frozen=True)
class Kind:
    """One kind of event.

    Attributes:
        name: As events have it.
        sentence: What happened.
        subject: What it happened to, as ``subject_kind`` has it; empty where that is nothing.
        data: What its details hold, for a person; empty where it has none.
        by: Who does it: a person, the portal, or either of them.
    """

    name: str
    sentence: str
    subject: str = ""
    data: str = ""
    by: str = PERSON


def _steps() -> tuple[Kind, ...]:
    return tuple(
        Kind(
            f"offer.{state.value}",
            f"An offer came to the state *{LABELS[state]}*.",
            "computer",
            "the state before, the sentence; with an outcome its grade, with a refusal the rule",
            EITHER,
        )
        for state in State
    )


_ALL = (
    # Signing in
    Kind("sign_in", "Somebody signed in.", data="the method, the roles"),
    Kind(
        "sign_in.refused",
        "A sign-in was refused.",
        "account",
        "the code of the reason; a name that nobody has is not kept",
        PORTAL,
    ),
    Kind("sign_out", "Somebody signed out."),
    Kind(
        "roles.changed",
        "Somebody signed in with other roles than the last time.",
        "account",
        "the roles before and now",
        PORTAL,
    ),
    # Looking
    Kind(
        "computer.searched",
        "A search led to computers, perhaps by the name of who uses them.",
        "computer",
        "what was typed, the computers found",
    ),
    Kind(
        "eligibility.explained",
        "Somebody was told whether and why help may be offered on a computer.",
        "computer",
        "the expert, the verdict for each mode",
        EITHER,
    ),
    Kind(
        "eligibility.listed",
        "Somebody was told who may help where, for many.",
        data="what was asked for, how many there are",
        by=EITHER,
    ),
    Kind(
        "directory.object_read", "An object was read from Active Directory.", "the kind of object"
    ),
    Kind("audit.read", "The audit trail was read.", data="what was asked for"),
    Kind("report.read", "A report was read.", "report", "what was asked for"),
    Kind("report.exported", "A report was taken as a file.", "report", "what was asked for, kind"),
    Kind("report.view_saved", "A view of a report was saved.", "report", "its query"),
    Kind("report.view_forgotten", "A saved view was deleted.", "report"),
    Kind("report.scheduled", "A report was ordered by e-mail.", "account", "how often"),
    Kind("report.unscheduled", "A report is no longer sent.", "account", "how often"),
    Kind(
        "report.sent",
        "A report was sent by e-mail.",
        "account",
        "how often, of which period",
        PORTAL,
    ),
    Kind(
        "group_policy_kit.taken",
        "A Group Policy kit was made.",
        "policy",
        "the whole choice",
        EITHER,
    ),
    Kind("launcher.taken", "A file of the launcher was taken.", "file"),
    Kind("what_if.asked", "A what-if was asked.", "what_if", "the changes"),
    Kind("what_if.cancelled", "A what-if was given up.", "what_if", "the changes"),
    # Offers
    *_steps(),
    Kind(
        "offer.decided",
        "The portal decided on an offer.",
        "computer",
        "the whole decision with its findings",
        PORTAL,
    ),
    Kind(
        "offer.starting",
        "The call that starts Remote Assistance is about to be made.",
        "computer",
        "the logon session, the novice, the authority, the protocol",
        EITHER,
    ),
    Kind(
        "offer.controlled",
        "The novice let the expert control the computer.",
        "computer",
        "when, and whether the offer was for viewing only",
        PORTAL,
    ),
    Kind(
        "approval.approved",
        "A second person approved an offer.",
        "computer",
        "rule, reason, until when",
    ),
    Kind("approval.refused", "A second person refused an offer.", "computer", "rule, reason"),
    Kind("invitation.taken", "The expert took the invitation.", "computer", "the viewer"),
    Kind("invitation.wiped", "The secrets of an invitation were wiped.", "computer", by=PORTAL),
    Kind("ticket.handed", "A ticket for one computer was handed over.", "computer", "the service"),
    Kind(
        "ticket.taken",
        "A worker took the ticket for its call.",
        "computer",
        "the service, the attempt",
        PORTAL,
    ),
    Kind("ticket.wiped", "The ticket was wiped.", "computer", by=PORTAL),
    Kind("launch.signed", "A launch link was signed.", "computer", "until when it can be used"),
    Kind(
        "evidence.recorded",
        "Something told what happened on the computer.",
        "computer",
        "kind, source, grade, time; the event's number and record",
        EITHER,
    ),
    Kind(
        "outcome.corrected",
        "Later evidence changed an outcome.",
        "computer",
        "outcome and grade before and now",
        PORTAL,
    ),
    Kind(
        "event_log.not_followed",
        "A computer's event log could not be read.",
        "computer",
        "code and sentence",
        PORTAL,
    ),
    Kind(
        "event_log.cleared",
        "A computer's event log was cleared during an offer.",
        "computer",
        by=PORTAL,
    ),
    Kind("windows_events.received", "A collector delivered Windows events.", "token", "how many"),
    # Rules and settings
    Kind("protection.made", "A rule of protection was made.", "rule", "the rule"),
    Kind("protection.changed", "A rule was changed.", "rule", "the rule before and now"),
    Kind("protection.deleted", "A rule was deleted.", "rule", "the rule"),
    Kind("token.created", "An API token was made.", "token", "scope, account, until when", EITHER),
    Kind("token.revoked", "An API token was revoked.", "token", by=EITHER),
    Kind(
        "settings.changed",
        "The portal runs with other settings.",
        data="each setting that differs, before and now, no secrets; all of them",
        by=PORTAL,
    ),
    # The directory
    Kind(
        "directory.synchronised",
        "A reading of a domain ended.",
        "domain",
        "kind, state, what was added, changed and removed of each kind of object",
        PORTAL,
    ),
    Kind(
        "helper_list.changed",
        "A policy's helper list was found to be another.",
        "policy",
        "the lines added and the lines removed",
        PORTAL,
    ),
    Kind(
        "directory.read_requested", "Somebody had a domain read.", "domain", "the kind of reading"
    ),
    Kind(
        "directory.removals_accepted",
        "Somebody accepted many removals.",
        "domain",
        "the kind of reading",
    ),
    # Readiness
    Kind("readiness.check_asked", "A computer was checked.", "computer"),
    Kind("readiness.sessions_asked", "A computer was asked who works there.", "computer"),
    Kind("readiness.sweep_started", "A sweep was started.", "sweep", "scope, computers", EITHER),
    Kind("readiness.sweep_cancelled", "A sweep was given up.", "sweep", "scope, done", EITHER),
    Kind("readiness.search_saved", "A search was saved.", "search", "what it looks for"),
    Kind("readiness.search_deleted", "A search was deleted.", "search", "what it looked for"),
    # The trail and its alerts
    Kind(
        "audit.exported",
        "The audit trail was exported.",
        data="the positions, whether with the clear values about novices",
        by=PORTAL,
    ),
    Kind(
        "audit.removed",
        "Old events were removed, and a signed stub put in their place.",
        "audit",
        "the positions, the hashes, how many of which kind",
        EITHER,
    ),
    Kind(
        "audit.verified",
        "The chain was verified.",
        data="how many events, whether it holds",
        by=EITHER,
    ),
    Kind(
        "audit.pseudonymised",
        "A novice was given a pseudonym.",
        "novice",
        "the reason, how many rows; not the name",
        EITHER,
    ),
    Kind(
        "alert.offer_burst",
        "Offers came in a burst.",
        "account, computer",
        "how many, in what time",
        PORTAL,
    ),
    Kind("alert.audit_behind", "The audit trail was behind.", "audit", "since when", PORTAL),
    Kind("alert.seen", "Somebody saw an alert.", "of the alert", "its kind, how many offers"),
)
KINDS = {kind.name: kind for kind in _ALL}


def require_known(name: str) -> None:
    """Refuse a kind that is not in the table.

    Raises:
        LookupError: It is not.
    """
    if name not in KINDS:
        raise LookupError(f"audit: no kind {name!r}; describe it in assist/audit/kinds.py")
