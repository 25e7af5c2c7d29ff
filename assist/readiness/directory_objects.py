"""Checks that rest on the directory's picture of the computer and its domain alone. Pure."""

from __future__ import annotations

from datetime import timedelta

from assist.eligibility.decision import Reference
from assist.eligibility.operating_systems import operating_system_finding
from assist.eligibility.trust_rules import caller_trust_findings, way_evidence
from assist.readiness.facts import ReadinessFacts
from assist.readiness.results import Answer, State, of_findings

# lastLogonTimestamp is written when it is 9 to 14 days old ([MS-ADA1] 2.351).
LONG_AGO = timedelta(days=45)
NAMES_MOST = 1200  # values that msDS-AllowedToDelegateTo holds before the object is full
NAMES_MANY = 1000


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


def delegation(facts: ReadinessFacts) -> Answer:
    """The portal's account may act for an expert at the computer, where that is needed."""
    delegation, computer = facts.delegation, facts.computer.reference
    account = facts.caller.reference
    evidence = (computer, account) if account else (computer,)
    dns_name = facts.names.dns_name
    resource = "msDS-AllowedToActOnBehalfOfOtherIdentity"
    names = delegation.names
    if names is not None and _delegates(names, dns_name, computer.name):
        if len(names) > NAMES_MANY:
            return Answer(
                State.WARNING,
                f"The portal's account may be delegated to {dns_name}; its list holds {len(names)} "
                f"of about {NAMES_MOST} names that fit.",
                evidence,
                "Use resource-based delegation for further computers.",
            )
        said = f"The portal's account may be delegated to {dns_name} (msDS-AllowedToDelegateTo)."
        return Answer(State.READY, said, evidence)
    if not delegation.is_needed:
        return Answer(
            State.READY,
            "Not needed: the portal calls computers as its own account"
            + (f"; {resource} is set all the same." if delegation.has_resource_based else "."),
            evidence,
        )
    if delegation.has_resource_based:
        return Answer(
            State.UNKNOWN,
            f"{computer.name} lets somebody act for others there ({resource}); whom, is not read.",
            evidence,
            "Compare it with the portal's account: Get-ADComputer -Properties "
            "PrincipalsAllowedToDelegateToAccount.",
        )
    if names is None:
        said = "To what the portal's account may be delegated is not in the portal's picture."
        return Answer(State.UNKNOWN, said, evidence, "Look at msDS-AllowedToDelegateTo.")
    full = f" Its list is full: about {NAMES_MOST} names fit." if len(names) >= NAMES_MOST else ""
    return Answer(
        State.NOT_READY,
        f"The portal's account may not be delegated to {dns_name or computer.name}.{full}",
        evidence,
        "Set PrincipalsAllowedToDelegateToAccount on the computer (resource-based delegation), or "
        f"add HOST/{dns_name} to the account's list.",
    )


def _delegates(names: tuple[str, ...], dns_name: str, name: str) -> bool:
    hosts = {text.lower() for text in (dns_name, name) if text}
    return any(
        service.lower() in ("host", "rpcss") and host.partition(":")[0].lower() in hosts
        for service, _, host in (text.partition("/") for text in names)
    )
