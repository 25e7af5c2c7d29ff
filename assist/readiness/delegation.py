"""The check of delegation from the portal's account to a computer. Pure.

Either is enough: the computer's name in the account's list, for computers of the account's own
domain ([MS-SFU] 3.2.5.2.1), or the account in the computer's attribute, for those of any domain
([MS-SFU] 3.2.5.2.3).
"""

from __future__ import annotations

from dataclasses import replace

from assist.readiness.facts import DelegationFacts, ReadinessFacts
from assist.readiness.results import Answer, State
from directory.trusts import Effect

NAMES_MOST = 1200  # values that msDS-AllowedToDelegateTo holds before the object is full
NAMES_MANY = 1000
LIST, ATTRIBUTE = "msDS-AllowedToDelegateTo", "msDS-AllowedToActOnBehalfOfOtherIdentity"
NOT_NEEDED = "Not needed, because the portal calls computers as its own account."


def delegation(facts: ReadinessFacts) -> Answer:
    """The portal's account may act for an expert at the computer, where that is needed."""
    found = _verdict(facts)
    if facts.delegation.is_needed:
        return found
    return replace(found, state=State.READY, sentence=f"{NOT_NEEDED} {found.sentence}", remedy="")


def _verdict(facts: ReadinessFacts) -> Answer:
    delegation, computer = facts.delegation, facts.computer.reference
    account, acting = delegation.account, delegation.acting
    evidence = (computer, account) if account else (computer,)
    who = (delegation.deciding,) if delegation.deciding else ()
    place = facts.names.dns_name or computer.name
    if acting is not None and acting.effect is Effect.ALLOW:
        named = f" by the entry of {who[0].name}" if who and who[0] != account else ""
        said = f"The portal's account may be delegated to {place}{named} ({ATTRIBUTE})."
        return Answer(State.READY, said, tuple(dict.fromkeys((*evidence, *who))))
    names = delegation.names
    is_listed = names is not None and _delegates(names, facts.names.dns_name, computer.name)
    if is_listed and delegation.is_same_domain:
        if len(names or ()) > NAMES_MANY:
            return Answer(
                State.WARNING,
                f"The portal's account may be delegated to {place}; its list holds "
                f"{len(names or ())} of about {NAMES_MOST} names that fit.",
                evidence,
                "Use resource-based delegation for further computers.",
            )
        said = f"The portal's account may be delegated to {place} ({LIST})."
        return Answer(State.READY, said, evidence)
    if acting is not None and acting.effect is Effect.UNKNOWN:
        return Answer(
            State.UNKNOWN,
            f"Whether {computer.name} lets the portal's account act for others cannot be told "
            f"({ATTRIBUTE}): {acting.reason}.".replace("..", "."),
            tuple(dict.fromkeys((*evidence, *who))),
            "Compare Get-ADComputer -Properties PrincipalsAllowedToDelegateToAccount with the "
            "portal's account, and set it anew if it is broken.",
        )
    if names is None:
        said = "To what the portal's account may be delegated is not in the portal's picture."
        return Answer(State.UNKNOWN, said, evidence, "Set SERVICE_PRINCIPAL, and read its domain.")
    return Answer(
        State.NOT_READY,
        f"The portal's account may not be delegated to {place}.{_why(delegation, is_listed)}",
        tuple(dict.fromkeys((*evidence, *who))),
        "Set PrincipalsAllowedToDelegateToAccount on the computer (resource-based delegation, from "
        "Windows Server 2012 on)"
        + (f", or add HOST/{place} to the account's list." if delegation.is_same_domain else "."),
    )


def _why(delegation: DelegationFacts, is_listed: bool) -> str:
    """What stands in the way, beyond being on neither list."""
    said = ""
    if delegation.acting is not None and delegation.acting.sid:
        who = delegation.deciding.name if delegation.deciding else delegation.acting.sid
        said += f" {ATTRIBUTE} denies it to {who}."
    elif delegation.acting is not None:
        said += f" {ATTRIBUTE} lets others, and not this account."
    if is_listed:
        said += f" {LIST} names it, which counts in the account's own domain only."
    elif len(delegation.names or ()) >= NAMES_MOST:
        said += f" Its list is full: about {NAMES_MOST} names fit."
    return said


def _delegates(names: tuple[str, ...], dns_name: str, name: str) -> bool:
    hosts = {text.lower() for text in (dns_name, name) if text}
    return any(
        service.lower() in ("host", "rpcss") and host.partition(":")[0].lower() in hosts
        for service, _, host in (text.partition("/") for text in names)
    )
