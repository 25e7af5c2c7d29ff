"""Every cause that keeps an offer from arriving: its check, or why it cannot be seen from outside.

The order of :data:`CHECKS` is the order in which a computer's first blocking cause is looked for:
what nothing else helps against comes first. docs/readiness.md lists the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assist.readiness.results import Result, State


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        code: A stable name.
        title: What it is about, for a person.
        is_required: While it is unknown, nobody can say that the computer could be helped.
    """

    code: str
    title: str
    is_required: bool = False


@dataclass(frozen=True)
class Unseen:
    """A cause that cannot be seen from outside the computer.

    Attributes:
        code: A stable name.
        title: The cause.
        reason: Why it cannot be seen.
        remedy: What to do when nothing else explains a failure.
    """

    code: str
    title: str
    reason: str
    remedy: str


CHECKS = (
    Check("directory.known", "Known in the directory", is_required=True),
    Check("system.windows", "Operating system", is_required=True),
    Check("trust.portal_account", "Domain trusts the portal's account", is_required=True),
    Check("policy.offers", "Policy allows offers", is_required=True),
    Check("policy.portal_account", "Portal's account is a helper", is_required=True),
    Check("policy.dcom", "DCOM restrictions"),
    Check("firewall.offers", "Firewall policy", is_required=True),
    Check("name.forward", "Name leads to an address", is_required=True),
    Check("network.rpc", "TCP port 135", is_required=True),
    Check("network.exporter", "Object exporter answers", is_required=True),
    Check("network.identity", "The computer at the address", is_required=True),
    Check("kerberos.spn", "Service principal name", is_required=True),
    Check("clock.skew", "Clock"),
    Check("kerberos.delegation", "Delegation to the computer"),
    Check("session.running", "Remote Assistance already running"),
    Check("session.users", "Logged-on users"),
    Check("name.reverse", "Address leads back to the name"),
    Check("name.addresses", "Several or stale addresses"),
    Check("directory.last_logon", "Last logon of the computer"),
    Check("policy.helpers", "Lines of the helper list"),
    Check("policy.control", "Control allowed"),
    Check("policy.solicited", "Solicited Remote Assistance"),
    Check("policy.rpc", "RPC restrictions"),
    Check("policy.secure_desktop", "Secure desktop"),
    Check("policy.session_log", "Session log"),
    Check("events.trouble", "Trouble that Windows reported"),
    Check("events.firewall", "Firewall lets the event log be read"),
    Check("events.reader", "Right to read the event log"),
)
CHECKS_BY_CODE: Mapping[str, Check] = {check.code: check for check in CHECKS}

UNSEEN = (
    Unseen(
        "unseen.local_group",
        "The local group Offer Remote Assistance Helpers lacks the helpers",
        "It is in the computer's own account database, which only its administrators may read; "
        "Configuration Manager and administrators change it beside Group Policy.",
        "Look at the group on the computer; run gpupdate /force there if the helpers are missing.",
    ),
    Unseen(
        "unseen.network_profile",
        "Windows takes the network for a public or private one",
        "Which firewall profile is active is known to the computer alone, and the exceptions are "
        "for the domain profile.",
        "On the computer, Get-NetConnectionProfile must say DomainAuthenticated; restart Network "
        "Location Awareness or the network connection if it does not.",
    ),
    Unseen(
        "unseen.session_port",
        "A firewall between networks stops the session's port",
        "The session uses a port that Remote Assistance chooses when it starts, so nothing listens "
        "there before.",
        "Let the experts' networks reach the computers' dynamic ports (TCP 49152 to 65535), or "
        "restrict the range on the computers and open that.",
    ),
    Unseen(
        "unseen.isolated_network",
        "Waiting for certificate revocation lists on a network without Internet",
        "Whether the computer reaches the publishers of revocation lists shows only when Windows "
        "checks a signature there; it makes the start last longer than 30 seconds.",
        "Publish the lists within the network, or switch the check of publishers' certificates "
        "off for these computers by policy.",
    ),
    Unseen(
        "unseen.off_network",
        "The computer is outside the organisation's network",
        "Since Windows 10 1803 Teredo is disabled, and with it the way through address "
        "translation; a computer behind one looks like one that is switched off.",
        "Have the user connect the VPN, then check again.",
    ),
)


def overall(results: Mapping[str, Result]) -> tuple[State, str]:
    """Whether a computer could be helped, and the check that says why not.

    Returns:
        ``not_ready`` with the first check that stops an offer, ``unknown`` with the first required
        one that is not known or was not made, else ``ready`` and no check.
    """
    for check in CHECKS:
        found = results.get(check.code)
        if found is not None and found.state is State.NOT_READY:
            return State.NOT_READY, check.code
    for check in CHECKS:
        found = results.get(check.code)
        if check.is_required and (found is None or found.state is State.UNKNOWN):
            return State.UNKNOWN, check.code
    return State.READY, ""


def in_order(results: Iterable[Result]) -> list[Result]:
    """Results in the order of :data:`CHECKS`; those of checks that are no more are left out."""
    by_code = {result.check: result for result in results}
    return [by_code[check.code] for check in CHECKS if check.code in by_code]
