"""What a decision asks where the portal calls as the expert, and what the domain adds to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from pytest_django import Settings

from assist.authority import delegating
from assist.eligibility import explain
from assist.errors import NotConfigured
from assist.lifecycle import Authority, Mode, State
from assist.models import HandedTicket
from assist.remote_assistance.delegation import SignInTicket
from assist.remote_assistance.errors import (
    AuthenticationFailed,
    DelegationRefused,
    DirectoryUnreachable,
    RemoteAssistanceError,
)
from assist.remote_assistance.kerberos import KeytabCredential, ObtainedTicket
from directory.models import Computer
from tests.assist.cast import NOW, Cast, make_domain
from tests.assist.many_pairs import answers_of_the_matrix, answers_one_by_one

pytestmark = pytest.mark.django_db

KEY = "a2V5LW9mLXRoZS10ZXN0cy10aGF0LWlzLTMyLWJ5dGU="
SENSITIVE = 0x200 | 0x100000
TICKET = SignInTicket("mjones@R2.LOCAL", b"ticket", NOW + timedelta(hours=8), is_forwardable=True)


@dataclass
class Kdc:
    """The domain's answer to every request for a ticket, and what it was asked."""

    refusal: RemoteAssistanceError | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def delegated_ticket(
        self,
        account: KeytabCredential,
        sign_in: SignInTicket,
        service: str,
        seconds: float,
        realm: str,
    ) -> ObtainedTicket:
        self.asked.append((service, realm))
        if self.refusal:
            raise self.refusal
        return ObtainedTicket(service, NOW + timedelta(hours=8), b"marshalled")


@pytest.fixture(autouse=True)
def kdc(cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Kdc:
    settings.OFFER_AUTHORITIES = ["delegated", "service"]
    settings.HANDED_TICKET_KEYS = [KEY]
    settings.SINGLE_SIGN_ON_PRINCIPAL = "svc-ra-web@R2.LOCAL"
    settings.SINGLE_SIGN_ON_KEYTAB_FILE = "web.keytab"
    monkeypatch.setattr("assist.enqueue._send", lambda *_: None)
    scripted = Kdc()
    monkeypatch.setattr(delegating, "delegated_ticket", scripted.delegated_ticket)
    return scripted


def reason(cast: Cast, expert: str = "mjones", authority: Authority | None = None) -> str:
    decision = explain(
        cast.accounts[expert], cast.xp191, Mode.CONTROL, now=NOW, authority=authority
    )
    return decision.decisive.rule if decision.decisive else ""


def test_the_portals_account_need_not_be_a_helper_but_mary_must(cast: Cast) -> None:
    cast.policy.helpers.filter(text__contains="Portal").delete()
    assert reason(cast) == ""
    assert reason(cast, authority=Authority.SERVICE) == "authority.not_listed"
    assert reason(cast, "eadams") == "helper.not_listed"


def test_a_sensitive_account_may_be_helped_by_another_authority(cast: Cast) -> None:
    cast.mjones.user_account_control = SENSITIVE
    cast.mjones.save()
    assert reason(cast) == "authority.never_delegated"
    assert reason(cast, authority=Authority.SERVICE) == ""
    assert reason(cast, authority=Authority.HANDOFF) == ""


def test_protected_users_count_by_their_number_and_by_nesting(cast: Cast) -> None:
    protected = cast.add_group("Geschuetzte Benutzer", sid=f"{cast.domain.sid}-525")
    cast.join(protected, cast.groups["Helpdesk Night"])
    assert reason(cast, "nkhan") == "authority.never_delegated"
    assert reason(cast) == ""


def test_the_answers_for_many_are_those_of_single_decisions(cast: Cast) -> None:
    cast.nkhan.user_account_control = SENSITIVE
    cast.nkhan.save()
    experts, computers = list(cast.accounts.values()), list(Computer.objects.all())
    answers = answers_of_the_matrix(experts, computers, NOW)
    assert answers == answers_one_by_one(experts, computers, NOW)
    assert ("authority.never_delegated",) * 2 in answers.values()
    assert ("", "") in answers.values()


def test_an_allowed_offer_gets_one_ticket_for_its_computer(cast: Cast, kdc: Kdc) -> None:
    offer = cast.request(sign_in=TICKET)
    assert (offer.state, offer.authority) == (State.QUEUED, "delegated")
    assert kdc.asked == [("host/xp191.r2.local", "R2.LOCAL")]
    handed = HandedTicket.objects.get(offer=offer)
    assert handed.expires_at == NOW + timedelta(seconds=900)
    assert b"marshalled" not in bytes(handed.sealed)
    rules = [finding["rule"] for finding in offer.decision["findings"]]
    assert rules[-1] == "authority.delegated"


def test_a_ticket_that_ends_sooner_is_kept_no_longer(
    cast: Cast, kdc: Kdc, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = NOW + timedelta(minutes=2)
    ticket = ObtainedTicket("host/xp191.r2.local", ends, b"marshalled")
    monkeypatch.setattr(delegating, "delegated_ticket", lambda *_: ticket)
    cast.request(sign_in=TICKET)
    assert HandedTicket.objects.get().expires_at == ends


def test_no_ticket_is_asked_for_where_the_portal_refuses(cast: Cast, kdc: Kdc) -> None:
    offer = cast.request(actor=cast.actor("eadams"), sign_in=TICKET)
    assert (offer.state, offer.end_code) == (State.REFUSED, "helper.not_listed")
    assert kdc.asked == []


def test_another_authority_asks_the_domain_for_nothing(cast: Cast, kdc: Kdc) -> None:
    assert cast.request(authority="service", sign_in=TICKET).state == State.QUEUED
    assert kdc.asked == []
    assert not HandedTicket.objects.exists()


@pytest.mark.parametrize(
    "refusal", [DelegationRefused("The domain does not."), AuthenticationFailed("No such service.")]
)
def test_what_the_domain_refuses_is_the_offers_refusal(
    cast: Cast, kdc: Kdc, refusal: RemoteAssistanceError
) -> None:
    kdc.refusal = refusal
    offer = cast.request(sign_in=TICKET)
    assert (offer.state, offer.end_code) == (State.REFUSED, "authority.not_delegated")
    assert (offer.end_sentence, offer.end_remedy) == (refusal.sentence, refusal.remedy)
    assert not HandedTicket.objects.exists()


def test_a_domain_that_does_not_answer_is_no_refusal(cast: Cast, kdc: Kdc) -> None:
    """Nothing is recorded: she may ask again in a moment."""
    kdc.refusal = DirectoryUnreachable()
    with pytest.raises(DirectoryUnreachable):
        cast.request(sign_in=TICKET)
    assert not HandedTicket.objects.exists()


@pytest.mark.parametrize(
    "sign_in",
    [None, SignInTicket("mjones@R2.LOCAL", b"", NOW - timedelta(seconds=1), is_forwardable=True)],
)
def test_without_a_sign_in_of_now_nothing_is_asked(
    cast: Cast, kdc: Kdc, sign_in: SignInTicket | None
) -> None:
    offer = cast.request(sign_in=sign_in)
    assert offer.end_code == "authority.no_sign_in_ticket"
    assert kdc.asked == []


@pytest.mark.parametrize(
    ("entries", "asked", "code"),
    [
        (None, [], "authority.other_domain"),
        ([], [], "authority.other_domain"),
        ([["allow", "S-1-5-21-9-9-9-1"]], [("host/xp191.r2.local", "OTHER.TEST")], ""),
    ],
)
def test_a_computer_of_another_domain_has_to_let_the_account_act_by_itself(
    cast: Cast, kdc: Kdc, entries: object, asked: list[tuple[str, str]], code: str
) -> None:
    """Classic delegation ends at the domain; resource-based does not ([MS-SFU] 3.2.5.2)."""
    other = make_domain("other.test", "OTHER", "S-1-5-21-9-9-9")
    cast.xp191.domain, cast.xp191.allowed_to_act = other, entries
    found = delegating.delegate(cast.mjones, cast.xp191, TICKET, now=NOW)
    assert kdc.asked == asked
    assert (found.finding.rule if found.ticket is None else "") == code


@pytest.mark.parametrize(
    "missing", ["SINGLE_SIGN_ON_PRINCIPAL", "SINGLE_SIGN_ON_KEYTAB_FILE", "HANDED_TICKET_KEYS"]
)
def test_what_is_not_set_up_is_said_before_the_domain_is_asked(
    cast: Cast, kdc: Kdc, settings: Settings, missing: str
) -> None:
    setattr(settings, missing, [] if missing.endswith("KEYS") else "")
    with pytest.raises(NotConfigured) as error:
        cast.request(sign_in=TICKET)
    assert missing in f"{error.value.sentence} {error.value.remedy}"
    assert kdc.asked == []
