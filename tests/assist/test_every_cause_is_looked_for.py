"""Every known cause of a failing offer has a check that finds it, or a reason why none can.

The causes are those that administrators and Microsoft's documents give for offers that fail; the
sources are in docs/accuracy.md. Each is made here, and the check has to speak of it with a remedy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from assist.readiness.catalogue import CHECKS, UNSEEN
from assist.readiness.facts import LiveFacts, ReadinessFacts
from assist.readiness.judging import judge
from assist.readiness.results import State
from directory.grouppolicy.firewall import read_firewall
from tests.assist.cast import NOW, Cast
from tests.assist.test_readiness_checks import (
    ADDRESS,
    GOOD_EXPORTER,
    GOOD_NAMES,
    OTHER,
    SILENT,
    Facts,
    event,
    facts,
    hardening,
)
from tests.directory.firewall_entries import OFFER_RULES, rules

__all__ = ["facts"]  # the fixture
pytestmark = pytest.mark.django_db

NOT_READY, WARNING = State.NOT_READY, State.WARNING
BLOCK = "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=135|"
NOBODY = "O:BAG:BAD:(A;;CCDCLC;;;S-1-5-21-9-9-9-9)"
Make = Callable[[Facts, Cast], ReadinessFacts]


def by_policy(**columns: Any) -> Make:
    """The policy says something else."""

    def make(facts: Facts, cast: Cast) -> ReadinessFacts:
        for name, value in columns.items():
            setattr(cast.policy, name, value)
        cast.policy.save()
        return facts()

    return make


def by_facts(**changes: Any) -> Make:
    """Something else was found."""
    return lambda facts, cast: facts(**changes)


def system(name: str, version: str) -> Make:
    def make(facts: Facts, cast: Cast) -> ReadinessFacts:
        found = facts()
        computer = replace(found.computer, operating_system=name, operating_system_version=version)
        return replace(found, computer=computer)

    return make


def misspelt(facts: Facts, cast: Cast) -> ReadinessFacts:
    cast.add_helper(r"R2\Helpdesk Winipeg", None, "No account or group has this name.")
    return facts()


def unlisted(facts: Facts, cast: Cast) -> ReadinessFacts:
    cast.policy.helpers.filter(text__contains="Portal").delete()
    return facts()


def elsewhere(facts: Facts, cast: Cast) -> ReadinessFacts:
    """The portal's account is of a domain that the computer's does not trust."""
    account = cast.accounts["svc-ra-portal"]
    domain = type(cast.domain).objects.get(pk=cast.domain.pk)
    domain.pk = "00000000-0000-0000-0000-0000000000aa"
    domain.dns_name = domain.dns_name_folded = domain.forest_dns_name = "other.test"
    domain.netbios_name, domain.netbios_name_folded = "OTHER", "other"
    domain.sid, domain.distinguished_name = "S-1-5-21-7-7-7", "DC=other,DC=test"
    domain.save(force_insert=True)
    account.domain = domain
    account.save()
    return facts()


def blocked(facts: Facts, cast: Cast) -> ReadinessFacts:
    cast.policy.firewall = read_firewall(rules(OFFER_RULES | {"block": BLOCK})).to_json()
    cast.policy.save()
    return facts()


def incomplete(facts: Facts, cast: Cast) -> ReadinessFacts:
    cast.policy.firewall = read_firewall(rules(dict(list(OFFER_RULES.items())[:1]))).to_json()
    cast.policy.save()
    return facts()


SEEN: list[tuple[str, str, State, Make]] = [
    ("Offers are disabled", "policy.offers", NOT_READY, by_policy(offers_allowed=False)),
    ("Offers are not configured", "policy.offers", NOT_READY, by_policy(offers_allowed=None)),
    ("View alone is allowed", "policy.control", WARNING, by_policy(control_allowed=False)),
    ("A helper is misspelt", "policy.helpers", WARNING, misspelt),
    ("The caller is no helper", "policy.portal_account", NOT_READY, unlisted),
    ("Another domain, without a trust", "trust.portal_account", NOT_READY, elsewhere),
    (
        "DCOM's restriction of access leaves the helpers out",
        "policy.dcom",
        NOT_READY,
        by_facts(hardening=hardening("MachineAccessRestriction", NOBODY)),
    ),
    (
        "DCOM's restriction of launches leaves the helpers out",
        "policy.dcom",
        NOT_READY,
        by_facts(hardening=hardening("MachineLaunchRestriction", NOBODY)),
    ),
    ("The firewall's exceptions are missing", "firewall.offers", NOT_READY, incomplete),
    ("A rule of the firewall blocks", "firewall.offers", NOT_READY, blocked),
    (
        "A firewall on the way stops port 135",
        "network.rpc",
        NOT_READY,
        by_facts(exporter=SILENT),
    ),
    (
        "RPC refuses clients that do not authenticate",
        "policy.rpc",
        WARNING,
        by_facts(hardening=hardening("RestrictRemoteClients", 2)),
    ),
    (
        "RPC's ports are restricted",
        "policy.rpc",
        WARNING,
        by_facts(hardening=hardening("Ports", "5000-5100")),
    ),
    (
        "Prompts are on the secure desktop",
        "policy.secure_desktop",
        WARNING,
        by_facts(hardening=hardening("PromptOnSecureDesktop", 1)),
    ),
    ("Nobody works there", "session.users", WARNING, by_facts(live=LiveFacts(()))),
    (
        "Remote Assistance runs there",
        "session.running",
        NOT_READY,
        by_facts(events=(event(31, NOW),)),
    ),
    (
        "The name leads elsewhere",
        "network.identity",
        NOT_READY,
        by_facts(exporter=replace(GOOD_EXPORTER, host_names=("OLD191", ADDRESS))),
    ),
    (
        "The name leads to no address",
        "name.forward",
        NOT_READY,
        by_facts(names=replace(GOOD_NAMES, addresses=(), permitted=())),
    ),
    (
        "The address is an old one",
        "name.addresses",
        WARNING,
        by_facts(names=replace(GOOD_NAMES, addresses=(ADDRESS, OTHER))),
    ),
    (
        "The address is another computer's by the reverse zone",
        "name.reverse",
        WARNING,
        by_facts(names=replace(GOOD_NAMES, reverse={ADDRESS: ("old191.r2.local",)})),
    ),
    (
        "Kerberos has no name for it",
        "kerberos.spn",
        NOT_READY,
        by_facts(service_principal_names=frozenset()),
    ),
    (
        "The session log cannot be written",
        "policy.session_log",
        WARNING,
        by_facts(logs_sessions=True, events=(event(12, NOW),)),
    ),
    (
        "A server may lack the feature",
        "system.windows",
        WARNING,
        system("Windows Server 2022 Standard", "10.0 (20348)"),
    ),
    (
        "Windows 2000 knows no Remote Assistance",
        "system.windows",
        NOT_READY,
        system("Windows 2000 Professional", "5.0 (2195)"),
    ),
]
UNSEEN_CAUSES = {
    "The local group of helpers lacks them": "unseen.local_group",
    "Windows takes the network for a public or private one": "unseen.network_profile",
    "A firewall between networks stops the session's port": "unseen.session_port",
    "Revocation lists cannot be reached": "unseen.isolated_network",
    "No way through address translation since Teredo is off": "unseen.off_network",
}
# What the table of causes does not speak of, and readiness looks at all the same.
FURTHER = {
    "directory.known",
    "directory.last_logon",
    "network.exporter",
    "clock.skew",
    "kerberos.delegation",
    "events.trouble",
    "events.firewall",
    "events.reader",
    # Of Windows XP before SP2, which system.windows refuses already.
    "policy.solicited",
}


@pytest.mark.parametrize(
    ("code", "state", "make"),
    [pytest.param(*rest, id=cause) for cause, *rest in SEEN],
)
def test_a_cause_is_found_by_its_check_with_evidence_and_a_remedy(
    facts: Facts, cast: Cast, code: str, state: State, make: Make
) -> None:
    answer = judge(make(facts, cast))[code].answer
    assert answer.state is state, answer
    assert answer.sentence.endswith("."), answer
    assert answer.remedy, answer
    assert answer.evidence, answer


@pytest.mark.parametrize("code", UNSEEN_CAUSES.values(), ids=UNSEEN_CAUSES)
def test_a_cause_that_cannot_be_seen_says_why_and_what_to_do(code: str) -> None:
    (found,) = (item for item in UNSEEN if item.code == code)
    assert found.reason.endswith(".")
    assert found.remedy.endswith(".")


def test_no_check_and_no_unseen_cause_stands_for_nothing() -> None:
    seen = {code for _, code, _, _ in SEEN}
    assert {check.code for check in CHECKS} == seen | FURTHER
    assert not seen & FURTHER
    assert {item.code for item in UNSEEN} == set(UNSEEN_CAUSES.values())
