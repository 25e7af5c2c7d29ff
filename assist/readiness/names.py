"""Checks of a computer's name and addresses. Pure."""

from __future__ import annotations

from assist.eligibility.decision import Reference
from assist.readiness.facts import ReadinessFacts
from assist.readiness.results import Answer, State
from directory.comparison import fold_name

DNS_ADMINISTRATOR = "Whoever administers DNS can"
NOT_ASKED = "The name leads to no address, so there is nothing to ask about."


def forward(facts: ReadinessFacts) -> Answer:
    """The name leads to an address that may be called."""
    names, computer = facts.names, facts.computer.reference
    if not names.dns_name:
        return Answer(
            State.NOT_READY,
            f"{computer.name} has no DNS name in the directory (dNSHostName).",
            (computer,),
            "A computer registers it when it starts in its domain.",
        )
    if names.error:
        return Answer(
            State.UNKNOWN,
            f"The addresses of {names.dns_name} could not be looked up: {names.error}",
            (computer,),
            "Check DIRECTORY_DNS_SERVERS and the domain's DNS servers.",
        )
    if not names.addresses:
        return Answer(
            State.NOT_READY,
            f"The domain's DNS servers know no address for {names.dns_name}.",
            (computer,),
            "Switch the computer on in its domain, which registers it; or correct its record.",
        )
    listed = ", ".join(names.addresses)
    if not names.permitted:
        return Answer(
            State.NOT_READY,
            f"{names.dns_name} has the address {listed}, outside the networks where help may be "
            "offered.",
            (computer, *_addresses(names.addresses)),
            "The portal's operator can add the network to NOVICE_SUBNETS; if the address is an "
            "old one, have the DNS record corrected.",
        )
    return Answer(
        State.READY,
        f"{names.dns_name} has the address {listed}.",
        (computer, *_addresses(names.addresses)),
    )


def reverse(facts: ReadinessFacts) -> Answer:
    """The addresses lead back to the name."""
    names, computer = facts.names, facts.computer.reference
    if not names.permitted:
        return Answer(State.UNKNOWN, NOT_ASKED, (computer,))
    silent = [address for address, found in names.reverse.items() if found is None]
    if silent or not names.reverse:
        return Answer(
            State.UNKNOWN,
            f"No DNS server said which name {', '.join(silent or names.permitted)} has.",
            (computer,),
            "Check the domain's DNS servers.",
        )
    own = fold_name(names.dns_name)
    strangers = [
        f"{address} is {' and '.join(found)}"
        for address, found in names.reverse.items()
        if found and own not in map(fold_name, found)
    ]
    remedy = f"{DNS_ADMINISTRATOR} correct the PTR record, and scavenge stale records."
    if strangers:
        return Answer(
            State.WARNING,
            f"The reverse zone says otherwise: {', '.join(strangers)}, not {names.dns_name}.",
            (computer, *_addresses(names.permitted)),
            remedy,
        )
    nameless = [address for address, found in names.reverse.items() if not found]
    if nameless:
        return Answer(
            State.WARNING,
            f"No reverse zone knows {', '.join(nameless)}; an expert who types the address is led "
            "by the directory's own zones.",
            (computer, *_addresses(nameless)),
            f"{DNS_ADMINISTRATOR} keep a reverse zone for that network.",
        )
    return Answer(
        State.READY,
        f"{', '.join(names.reverse)} leads back to {names.dns_name}.",
        (computer, *_addresses(names.permitted)),
    )


def addresses(facts: ReadinessFacts) -> Answer:
    """One address, nobody else's, and the same in the directory's zones."""
    names, computer = facts.names, facts.computer.reference
    if not names.addresses:
        return Answer(State.UNKNOWN, NOT_ASKED, (computer,))
    problems = []
    if len(names.addresses) > 1:
        problems.append(f"{names.dns_name} has {len(names.addresses)} addresses")
    problems += [
        f"{address} is also the address of {', '.join(others)}"
        for address, others in names.claimed_by.items()
    ]
    old = sorted(names.zone_addresses - set(names.addresses))
    if old:
        problems.append(f"the directory's zone still held {', '.join(old)} when it was last read")
    evidence = (computer, *_addresses(names.addresses))
    if problems:
        return Answer(
            State.WARNING,
            f"{'; '.join(problems)}: an offer may go to the wrong computer or to none.",
            evidence,
            f"{DNS_ADMINISTRATOR} remove the records that are stale; on the computer, ipconfig "
            "/registerdns writes the right one.",
        )
    return Answer(
        State.READY, f"{names.dns_name} alone has {', '.join(names.addresses)}.", evidence
    )


def _addresses(texts: tuple[str, ...] | list[str]) -> tuple[Reference, ...]:
    return tuple(Reference("address", text, text) for text in texts)
