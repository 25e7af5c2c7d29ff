"""Settings that keep offers from arriving, or the expert from seeing, beside the firewall. Pure.

Warnings, as for the firewall: they do not say who may offer help.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from assist.eligibility.decision import Effect, Finding
from assist.eligibility.facts import ComputerSide, HardeningValue
from directory.grouppolicy.dcom_restriction import (
    ACCESS_RIGHTS,
    LAUNCH_RIGHTS,
    MalformedRestriction,
    lets_in,
)
from directory.grouppolicy.firewall.wording import shortened
from directory.grouppolicy.hardening import (
    ACCESS_RESTRICTION,
    LAUNCH_RESTRICTION,
    RPC_CLIENTS,
    RPC_PORTS,
    SECURE_DESKTOP,
    SECURITY_TEMPLATE,
    STANDARD_USERS,
    UI_ACCESS_TOGGLE,
    UNREADABLE,
)

ADMINISTRATOR = "Whoever administers Group Policy can"
WITHOUT_EXCEPTIONS = 2
DENY_ELEVATION = 0


class _Told(NamedTuple):
    rule: str
    sentence: str
    remedy: str


Teller = Callable[[ComputerSide, HardeningValue], _Told | None]


def hardening_findings(facts: ComputerSide) -> Iterator[Finding]:
    """What policy sets that makes offers fail, or elevation invisible."""
    for item in facts.hardening:
        told = _unreadable(item) if item.value == UNREADABLE else TELLERS[item.name](facts, item)
        if told is not None:
            evidence = (item.source.policy, item.source.container)
            yield Finding(told.rule, Effect.WARN, told.sentence, evidence, told.remedy)


def _unreadable(item: HardeningValue) -> _Told:
    if item.name == SECURITY_TEMPLATE:
        return _Told(
            "hardening.unreadable",
            f"The security settings of {item.source} ({SECURITY_TEMPLATE}) cannot be read: whether "
            "they restrict DCOM is not known.",
            "Let the reading account read the policy's folder in SYSVOL; synchronise again.",
        )
    return _Told(
        "hardening.unreadable",
        f"What {item.source} sets {item.name} to cannot be read.",
        f"{ADMINISTRATOR} set it anew.",
    )


def _dcom(facts: ComputerSide, item: HardeningValue) -> _Told | None:
    """A restriction that leaves out who calls the computer: the portal's own account."""
    caller, text = facts.caller, str(item.value)
    if not text.strip() or caller.reference is None or caller.memberships is None:
        return None  # blank is not enforced; without an account nothing is called
    needed = ACCESS_RIGHTS if item.name == ACCESS_RESTRICTION else LAUNCH_RIGHTS
    sids = {caller.reference.id, *caller.memberships.paths}
    domain_sid = facts.administrators_sid.rpartition("-")[0]
    what = f"{item.source} restricts DCOM for the whole computer ({item.name})"
    remedy = (
        f"{ADMINISTRATOR} give a group with {caller.reference.name} and the helpers local and "
        f"remote permissions in {item.source.policy.name} (KB884910)."
    )
    try:
        answer = lets_in(text, needed, sids, domain_sid)
    except MalformedRestriction as error:
        sentence = f"{what}, and what it says cannot be read: {shortened(str(error))}"
        return _Told("hardening.dcom", sentence, remedy)
    if answer is None:
        return _Told(
            "hardening.dcom",
            f"{what}; whether {caller.reference.name} is let in hangs on groups of the computer "
            "itself, which cannot be seen from here.",
            remedy,
        )
    if not answer:
        sentence = f"{what} and leaves {caller.reference.name} out."
        return _Told("hardening.dcom", sentence, remedy)
    return None


def _rpc_clients(facts: ComputerSide, item: HardeningValue) -> _Told | None:
    if item.value != WITHOUT_EXCEPTIONS:
        return None
    return _Told(
        "hardening.rpc_clients",
        f"{item.source} refuses every RPC call without authentication, without exceptions: finding "
        "where Remote Assistance listens is such a call.",
        f"{ADMINISTRATOR} set Restrict unauthenticated RPC clients to Authenticated.",
    )


def _rpc_ports(facts: ComputerSide, item: HardeningValue) -> _Told | None:
    if not str(item.value).strip():
        return None
    return _Told(
        "hardening.rpc_ports",
        f"{item.source} has RPC listen on the ports {shortened(str(item.value))} only.",
        "Firewalls on the way must let these ports through, and there must be enough of them.",
    )


def _secure_desktop(facts: ComputerSide, item: HardeningValue) -> _Told | None:
    values = {other.name: other.value for other in facts.hardening}
    if item.value != 1 or values.get(UI_ACCESS_TOGGLE) == 1:
        return None
    return _Told(
        "hardening.secure_desktop",
        f"{item.source} shows elevation prompts on the secure desktop, which the expert cannot "
        "see: her picture freezes until the user has answered.",
        f"{ADMINISTRATOR} allow UIAccess applications to prompt for elevation without using the "
        "secure desktop.",
    )


def _standard_users(facts: ComputerSide, item: HardeningValue) -> _Told | None:
    if item.value != DENY_ELEVATION:
        return None
    return _Told(
        "hardening.elevation_denied",
        f"{item.source} denies standard users every elevation: the expert can run nothing as an "
        "administrator in their session.",
        f"{ADMINISTRATOR} let standard users be prompted for credentials.",
    )


def _nothing(facts: ComputerSide, item: HardeningValue) -> _Told | None:
    return None


TELLERS: dict[str, Teller] = {
    ACCESS_RESTRICTION: _dcom,
    LAUNCH_RESTRICTION: _dcom,
    RPC_CLIENTS: _rpc_clients,
    RPC_PORTS: _rpc_ports,
    SECURE_DESKTOP: _secure_desktop,
    STANDARD_USERS: _standard_users,
    UI_ACCESS_TOGGLE: _nothing,  # read beside the secure desktop
    SECURITY_TEMPLATE: _nothing,
}
