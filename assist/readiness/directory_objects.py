"""Checks that rest on the directory's picture of the computer and its domain alone. Pure."""

from __future__ import annotations

from datetime import timedelta

from assist.eligibility.decision import Reference
from assist.eligibility.operating_systems import operating_system_finding
from assist.eligibility.trust_rules import caller_trust_findings, way_evidence
from assist.readiness.facts import ReadinessFacts
from assist.readiness.results import Answer, State, of_findings

# lastLogonTimestamp is written when it is 9 to 14 days old ([MS-ADA1] 2.352).
LONG_AGO = timedelta(days=45)


def known(facts: ReadinessFacts) -> Answer:
    """The directory has the computer, and its account may be used."""
    computer = facts.computer
    name, evidence = computer.reference.name, (computer.reference, computer.domain)
    administrator = f"An administrator of {computer.domain.name} can change that."
    if not computer.is_present:
        said = f"{name} is not in the directory any more."
        return Answer(State.NOT_READY, said, evidence, administrator)
    if not computer.is_enabled:
        said = f"The computer account of {name} is disabled."
        return Answer(State.NOT_READY, said, evidence, administrator)
    said = f"{name} is an enabled computer of {computer.domain.name}."
    return Answer(State.READY, said, evidence)


def last_logon(facts: ReadinessFacts) -> Answer:
    """The computer logged on to its domain not long ago."""
    name, evidence = facts.computer.reference.name, (facts.computer.reference,)
    at = facts.last_logon_at
    if at is None:
        return Answer(
            State.WARNING,
            f"The directory does not say that {name} ever logged on to its domain.",
            evidence,
            "Start the computer within reach of a domain controller.",
        )
    days = (facts.now - at).days
    said = f"{name} logged on to its domain {days} days ago, give or take two weeks."
    if facts.now - at > LONG_AGO:
        return Answer(
            State.WARNING,
            said,
            evidence,
            "It may be retired or rebuilt under another name; disable or delete its account then.",
        )
    return Answer(State.READY, said, evidence)


def operating_system(facts: ReadinessFacts) -> Answer:
    """Its Windows can receive an offer."""
    finding = operating_system_finding(facts.computer)
    answer = of_findings([finding], Answer(State.UNKNOWN, finding.sentence))
    if answer.state is State.READY and "server" in facts.computer.operating_system.lower():
        return Answer(
            State.WARNING,
            answer.sentence,
            answer.evidence,
            "On the server, Install-WindowsFeature Remote-Assistance installs it.",
        )
    return answer


def trust(facts: ReadinessFacts) -> Answer:
    """The computer's domain, and the computer, let the portal's account in."""
    caller = facts.caller
    if caller.reference is None or caller.memberships is None:
        name = caller.configured_name or "none is set"
        return Answer(
            State.NOT_READY,
            f"The account with which the portal calls computers ({name}) is not in the directory.",
            (Reference("setting", "SERVICE_PRINCIPAL", caller.configured_name),),
            "The portal's operator sets SERVICE_PRINCIPAL.",
        )
    way = caller.memberships.way
    let_in = Answer(State.READY, f"The portal's account: {way.sentence}", way_evidence(way))
    return of_findings(caller_trust_findings(facts), let_in)


def spn(facts: ReadinessFacts) -> Answer:
    """The name under which Kerberos gives tickets for the computer, held by it alone."""
    computer, dns_name = facts.computer.reference, facts.names.dns_name
    if not dns_name:
        said = "Without a DNS name in the directory there is no service principal name to ask for."
        return Answer(State.NOT_READY, said, (computer,), "Start the computer in its domain.")
    wanted = f"host/{dns_name}".lower()
    doubles = facts.duplicate_holders.get(wanted, ())
    if doubles:
        return Answer(
            State.NOT_READY,
            f"HOST/{dns_name} is also a service principal name of {', '.join(doubles)}: the domain "
            "gives no ticket that the computer could open.",
            (computer, *(Reference("computer", "", name) for name in doubles)),
            f"Remove it from the other with setspn -D HOST/{dns_name}; setspn -X lists all "
            "duplicates.",
        )
    if wanted not in facts.service_principal_names:
        return Answer(
            State.NOT_READY,
            f"{computer.name} has no service principal name HOST/{dns_name}, so the domain gives "
            "no ticket for it.",
            (computer,),
            f"Start the computer in its domain, or run setspn -R {computer.name}.",
        )
    return Answer(
        State.READY,
        f"{computer.name} has HOST/{dns_name}, which stands for RPCSS too (sPNMappings).",
        (computer,),
    )
