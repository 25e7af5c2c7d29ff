"""Checks of what Group Policy makes of the computer, by the rules that decide on offers. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from assist.eligibility.decision import Effect, Finding, Reference
from assist.eligibility.facts import Unknown
from assist.eligibility.firewall import event_log_firewall, offer_firewall
from assist.eligibility.hardening import hardening_findings
from assist.eligibility.helper_list import authority_findings, undecided
from assist.eligibility.policy_rules import offers_findings
from assist.readiness.facts import ReadinessFacts
from assist.readiness.results import Answer, State, of_findings
from directory.grouppolicy.firewall import FirewallVerdict
from directory.grouppolicy.firewall import State as Firewall

ADMINISTRATOR = "Whoever administers Group Policy can"
FIREWALL_STATES = {
    Firewall.BLOCKED: State.NOT_READY,
    Firewall.INCOMPLETE: State.NOT_READY,
    Firewall.EXCLUDED: State.NOT_READY,
    Firewall.UNKNOWN: State.UNKNOWN,
    Firewall.OPEN: State.WARNING,
    Firewall.COMPLETE: State.READY,
}
DCOM, SOLICITED = "hardening.dcom", "policy.solicited_disabled"
RPC = frozenset({"hardening.rpc_clients", "hardening.rpc_ports"})
DESKTOP = frozenset({"hardening.secure_desktop", "hardening.elevation_denied"})


def offers(facts: ReadinessFacts) -> Answer:
    """Configure Offer Remote Assistance is enabled on the computer."""
    findings = [item for item in offers_findings(facts) if item.rule != SOLICITED]
    findings += _unknowns(facts, "offers")
    return of_findings(findings, _unsaid(facts, "whether offers are allowed"))


def solicited(facts: ReadinessFacts) -> Answer:
    """Solicited Remote Assistance does not stop offers, as it did on the oldest Windows."""
    findings = [item for item in offers_findings(facts) if item.rule == SOLICITED]
    ready = Answer(State.READY, "Solicited Remote Assistance does not stop offers there.")
    return of_findings(findings, ready)


def control(facts: ReadinessFacts) -> Answer:
    """Policy allows more than to view."""
    policy, name = facts.policy, facts.computer.reference.name
    if not policy.is_certain("control"):
        return of_findings(_unknowns(facts, "control"), _unsaid(facts, "whether control is"))
    source = policy.control_source
    evidence = (source.policy, source.container) if source else (facts.computer.reference,)
    if policy.control_allowed:
        return Answer(State.READY, f"{source} allows control of {name}.", evidence)
    return Answer(
        State.WARNING,
        f"{source} allows to view {name}, not to control it."
        if source
        else f"No policy allows control of {name}.",
        evidence,
        f"{ADMINISTRATOR} choose to allow helpers to remotely control the computer.",
    )


def portal_account(facts: ReadinessFacts) -> Answer:
    """The account with which the portal calls is on the helper list."""
    findings = list(authority_findings(facts))
    caller = facts.caller
    if not findings and caller.reference is not None and caller.memberships is not None:
        findings += [
            _unknown(item) for item in undecided(facts, caller.reference, caller.memberships)
        ]
    return of_findings(findings, _unsaid(facts, "whether the portal's account is a helper"))


def helpers(facts: ReadinessFacts) -> Answer:
    """The computer has a helper list, and each line names somebody."""
    policy, computer = facts.policy, facts.computer.reference
    bad = [line for line in policy.helpers if line.problem]
    if bad:
        told = "; ".join(f"{line.text}: {line.problem.removesuffix('.')}" for line in bad)
        sources = dict.fromkeys(line.source.policy for line in bad)
        return Answer(
            State.WARNING,
            f"Lines of the helper list name nobody, or nobody who can help. {told}.",
            tuple(sources),
            f"{ADMINISTRATOR} correct these lines; Windows does not check them.",
        )
    findings = [_unknown(item) for item in policy.further_helpers]
    if not policy.helpers:
        none = Answer(
            State.WARNING,
            f"No policy lists helpers for {computer.name}.",
            (computer,),
            f"{ADMINISTRATOR} list helpers in Configure Offer Remote Assistance.",
        )
        return of_findings(findings, none)
    places = dict.fromkeys(line.source.policy for line in policy.helpers)
    said = f"Each of the {len(policy.helpers)} lines of the helper list names somebody."
    return of_findings(findings, Answer(State.READY, said, tuple(places)))


def firewall(facts: ReadinessFacts) -> Answer:
    """The firewall exceptions that an offer needs are made by policy."""
    return _firewall(facts, offer_firewall(facts.computer, facts.firewall))


def event_log(facts: ReadinessFacts) -> Answer:
    """Policy lets the portal's workers read the event log."""
    answer = _firewall(facts, event_log_firewall(facts.computer, facts.firewall))
    if answer.state is not State.NOT_READY:
        return answer
    # An offer gets through without it: the portal only learns less of what became of it.
    return Answer(State.WARNING, answer.sentence, answer.evidence, answer.remedy)


def dcom(facts: ReadinessFacts) -> Answer:
    """No restriction of DCOM for the whole computer keeps the portal's account out."""
    findings = [
        Finding(item.rule, Effect.DENY, item.sentence, item.evidence, item.remedy)
        if item.sentence.endswith("out.")
        else Finding(item.rule, Effect.UNKNOWN, item.sentence, item.evidence, item.remedy)
        for item in hardening_findings(facts)
        if item.rule == DCOM
    ]
    said = "No policy restricts DCOM in a way that keeps the portal's account out."
    return of_findings(findings, Answer(State.READY, said))


def rpc(facts: ReadinessFacts) -> Answer:
    """RPC is not hardened so that offers fail."""
    findings = [item for item in hardening_findings(facts) if item.rule in RPC]
    said = "No policy restricts RPC clients or ports."
    return of_findings(findings, Answer(State.READY, said))


def secure_desktop(facts: ReadinessFacts) -> Answer:
    """The expert sees prompts for elevation."""
    findings = [item for item in hardening_findings(facts) if item.rule in DESKTOP]
    said = "No policy moves prompts for elevation out of the expert's sight."
    return of_findings(findings, Answer(State.READY, said))


def _firewall(facts: ReadinessFacts, verdict: FirewallVerdict | None) -> Answer:
    computer = facts.computer.reference
    if verdict is None:
        said = f"Which Windows Firewall {computer.name} has is not known."
        return Answer(State.UNKNOWN, said, (computer,))
    sources = (Reference("policy", item.id, item.name) for item in verdict.sources)
    sentence = " ".join((verdict.sentence, *verdict.notes))
    return Answer(FIREWALL_STATES[verdict.state], sentence, (computer, *sources), verdict.remedy)


def _unknowns(facts: ReadinessFacts, subject: str) -> Iterator[Finding]:
    yield from (_unknown(item) for item in facts.policy.unknowns if subject in item.affects)


def _unknown(item: Unknown) -> Finding:
    evidence = (item.source.policy, item.source.container)
    return Finding(f"policy.{item.code}", Effect.UNKNOWN, item.sentence, evidence, item.remedy)


def _unsaid(facts: ReadinessFacts, what: str) -> Answer:
    computer = facts.computer.reference
    return Answer(State.UNKNOWN, f"It cannot be told {what} on {computer.name}.", (computer,))
