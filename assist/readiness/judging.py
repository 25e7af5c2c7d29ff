"""The table of checks and their functions: facts in, one result for each check out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from assist.readiness import delegation, directory_objects, names, network, policy, windows
from assist.readiness.facts import ReadinessFacts
from assist.readiness.results import Answer, Result, State

log = structlog.get_logger()

BROKEN = Answer(
    State.UNKNOWN,
    "The portal made a mistake in this check.",
    remedy="Show the portal's log to its operator.",
)
FUNCTIONS: Mapping[str, Callable[[ReadinessFacts], Answer]] = {
    "directory.known": directory_objects.known,
    "directory.last_logon": directory_objects.last_logon,
    "system.windows": directory_objects.operating_system,
    "trust.portal_account": directory_objects.trust,
    "policy.offers": policy.offers,
    "policy.portal_account": policy.portal_account,
    "policy.helpers": policy.helpers,
    "policy.control": policy.control,
    "policy.solicited": policy.solicited,
    "policy.dcom": policy.dcom,
    "policy.rpc": policy.rpc,
    "policy.secure_desktop": policy.secure_desktop,
    "policy.session_log": windows.session_log,
    "firewall.offers": policy.firewall,
    "name.forward": names.forward,
    "name.reverse": names.reverse,
    "name.addresses": names.addresses,
    "network.rpc": network.rpc,
    "network.exporter": network.object_exporter,
    "network.identity": network.identity,
    "clock.skew": network.clock,
    "kerberos.spn": directory_objects.spn,
    "kerberos.delegation": delegation.delegation,
    "session.users": windows.users,
    "session.running": windows.running,
    "events.trouble": windows.trouble,
    "events.firewall": policy.event_log,
    "events.reader": windows.event_reader,
}


def judge(facts: ReadinessFacts) -> dict[str, Result]:
    """Every check's result, by its code; a check that breaks is unknown and stops no other."""
    return {code: Result(code, _answer(code, facts), facts.now) for code in FUNCTIONS}


def _answer(code: str, facts: ReadinessFacts) -> Answer:
    try:
        return FUNCTIONS[code](facts)
    except Exception:
        log.exception("a check of readiness broke", check=code, computer=facts.computer.reference)
        return BROKEN
