"""Turns the ticket that an expert signed in with into one ticket for one computer.

Done by the web process, which alone has the web account's keytab, when she makes the offer and
after the portal has found that she may. The worker gets the result and nothing that makes another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings

from assist.authority import handing
from assist.eligibility import Decision, Effect, Finding
from assist.eligibility.decision import REFUSED
from assist.eligibility.delegation import (
    delegated,
    no_sign_in_ticket,
    not_delegated,
    other_domain,
)
from assist.eligibility.gathering import account_reference, computer_reference
from assist.errors import NotConfigured
from assist.remote_assistance.delegation import SignInTicket, delegated_ticket
from assist.remote_assistance.errors import AuthenticationFailed, DelegationRefused
from assist.remote_assistance.kerberos import KeytabCredential, ObtainedTicket
from directory.comparison import fold_name
from directory.models import Account, Computer


@dataclass(frozen=True)
class Delegation:
    """What the domain said.

    Attributes:
        finding: For the decision.
        ticket: As the expert for the computer; None where it gave none.
    """

    finding: Finding
    ticket: ObtainedTicket | None = None

    def added_to(self, decision: Decision) -> Decision:
        """The decision with this finding; refused by it if nothing else refused."""
        findings = (*decision.findings, self.finding)
        if decision.is_allowed and self.finding.effect is not Effect.ALLOW:
            return replace(
                decision, verdict=REFUSED, sentence=self.finding.sentence, findings=findings
            )
        return replace(decision, findings=findings)


def web_credential() -> KeytabCredential:
    """The account that browsers show tickets for; its keytab is on web machines alone."""
    return KeytabCredential(settings.SINGLE_SIGN_ON_PRINCIPAL, settings.SINGLE_SIGN_ON_KEYTAB_FILE)


def delegate(
    expert: Account, computer: Computer, sign_in: SignInTicket | None, *, now: datetime
) -> Delegation:
    """Ask the domain for the ticket of one offer. No transaction may be open.

    Args:
        expert: Who offers help; the portal has decided that she may.
        computer: Where.
        sign_in: The ticket that she signed in with, if this request has it.
        now: An aware time.

    Raises:
        NotConfigured: No ticket could be handed to a worker.
        DirectoryUnreachable: No Kerberos server answers.
        AuthenticationFailed: The web account itself gets no ticket.
    """
    handing.require_keys()
    account = web_credential()
    if not account.principal or not account.keytab_path:
        raise NotConfigured(
            "The web account is not set, so the portal cannot call as an expert.",
            remedy="Set SINGLE_SIGN_ON_PRINCIPAL and SINGLE_SIGN_ON_KEYTAB_FILE.",
        )
    who, where = account_reference(expert), computer_reference(computer)
    if sign_in is None or sign_in.ends_at <= now:
        return Delegation(no_sign_in_ticket(who))
    is_own_domain = fold_name(account.realm) == computer.domain.dns_name_folded
    if not is_own_domain and not computer.allowed_to_act:
        # [MS-SFU] 3.2.5.2.1: the account's list counts in its own domain alone.
        return Delegation(other_domain(who, where, account.realm.lower()))
    service = f"host/{computer.dns_name.lower()}"
    try:
        ticket = delegated_ticket(
            account,
            sign_in,
            service,
            settings.CONTACT_CALL_TIMEOUT_SECONDS,
            computer.domain.dns_name.upper(),
        )
    except (DelegationRefused, AuthenticationFailed) as error:
        return Delegation(not_delegated(who, where, error.sentence, error.remedy))
    return Delegation(delegated(who, where, service), ticket)
