"""Sign-in with Windows in the lab: real tickets of its people, shown to the portal."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from assist.authority import sign_in_tickets
from assist.models import AuditEvent, KeptSignInTicket
from assist.offers import sweep
from directory.models import Account, Domain
from portal.models import SignInAttempt, User
from tests.conftest import Lab
from tests.tickets import KERBEROS, Person, negotiate

pytestmark = [pytest.mark.lab, pytest.mark.django_db]

PAGE = "/sign-in/windows"
NTLM = b"NTLMSSP\x00\x01\x00\x00\x00\x97\x82\x08\xe2" + bytes(24)
# SPNEGO whose first mechanism is NTLM, with its first token.
NTLM_IN_SPNEGO = bytes.fromhex(
    "604806062b0601050502a03e303ca00e300c060a2b06010401823702020aa22a0428"
) + NTLM.ljust(40, b"\x00")


@pytest.fixture(autouse=True)
def single_sign_on(lab_domain: Lab, synced_directory: Domain, settings: Settings) -> None:
    settings.SINGLE_SIGN_ON_KEYTAB_FILE = str(lab_domain.directory / "keytabs/svc-ra-web.keytab")
    settings.SINGLE_SIGN_ON_PRINCIPAL = "svc-ra-web@R2.LOCAL"


@pytest.fixture(scope="module")
def mary(lab_domain: Lab) -> Person:
    return Person("mjones")


@pytest.fixture
def browser() -> Client:
    return Client(headers={"host": "localhost"})


def show(client: Client, header: str, path: str = PAGE) -> tuple[int, str]:
    answer = client.get(path, secure=True, headers={"authorization": header})
    return answer.status_code, answer.content.decode()


def is_signed_in(client: Client) -> bool:
    return client.get("/", secure=True).status_code == 200


def test_a_browser_without_a_ticket_is_challenged_once_and_shown_the_form(browser: Client) -> None:
    answer = browser.get(f"{PAGE}?next=/offers", secure=True)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Negotiate")
    page = answer.content.decode()
    assert 'action="/sign-in"' in page
    assert 'name="next" value="/offers"' in page
    assert PAGE not in page  # no way back into the challenge


@pytest.mark.parametrize("kind", ["spnego", "kerberos"])
def test_a_ticket_signs_in(browser: Client, mary: Person, kind: str) -> None:
    header = mary.header() if kind == "spnego" else mary.header(mechanism=KERBEROS)
    answer = browser.get(f"{PAGE}?next=/offers", secure=True, headers={"authorization": header})
    assert (answer.status_code, answer["Location"]) == (302, "/offers")
    assert answer["WWW-Authenticate"].startswith("Negotiate ")
    assert is_signed_in(browser)
    account = Account.objects.get(sam_account_name="mjones", domain__netbios_name="R2")
    assert User.objects.get().sid == account.sid
    event = AuditEvent.objects.get(kind="sign_in")
    assert (event.actor_sid, event.data) == (
        account.sid,
        {"method": "kerberos", "roles": "expert"},
    )
    assert not SignInAttempt.objects.exists()


@pytest.mark.parametrize("wanted", ["https://elsewhere.example/", "//elsewhere.example/"])
def test_she_is_never_led_elsewhere(browser: Client, mary: Person, wanted: str) -> None:
    header = {"authorization": mary.header()}
    assert browser.get(f"{PAGE}?next={wanted}", secure=True, headers=header)["Location"] == "/"


def test_the_same_token_lets_nobody_in_twice(browser: Client, mary: Person) -> None:
    header = mary.header()
    assert show(browser, header)[0] == 302
    other = Client(headers={"host": "localhost"})
    assert show(other, header)[0] == 403
    assert not is_signed_in(other)


def test_nor_at_a_process_of_another_machine(
    browser: Client, mary: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the library has not seen it, the portal's own memory of all processes has."""
    monkeypatch.setenv("KRB5RCACHENAME", "none:")
    header = mary.header()
    assert show(browser, header)[0] == 302
    other = Client(headers={"host": "localhost"})
    assert show(other, header)[0] == 403
    assert not is_signed_in(other)


@pytest.mark.parametrize("token", [NTLM, NTLM_IN_SPNEGO])
def test_ntlm_is_refused_by_name_and_not_asked_for_again(browser: Client, token: bytes) -> None:
    answer = browser.get(PAGE, secure=True, headers={"authorization": negotiate(token)})
    assert answer.status_code == 403
    assert "WWW-Authenticate" not in answer
    assert "NTLM" in answer.content.decode()
    assert 'action="/sign-in"' in answer.content.decode()


@pytest.mark.parametrize(
    "header", ["Negotiate", "Negotiate !", "Basic bWFyeTpwdw==", "Negotiate YII="]
)
def test_anything_else_ends_at_the_form(browser: Client, header: str) -> None:
    status, page = show(browser, header)
    assert status == 403
    assert 'action="/sign-in"' in page


def test_a_ticket_for_another_service_lets_nobody_in(browser: Client, mary: Person) -> None:
    assert show(browser, mary.header("host/xp191.r2.local"))[0] == 403
    assert not is_signed_in(browser)


def test_a_ticket_of_the_other_forest_is_that_account(browser: Client) -> None:
    """Her domain is configured but was not read here: it leads to nobody."""
    status, page = show(browser, Person("alee@CONTOSO.TEST").header())
    assert status == 403
    assert "Windows signed in nobody" in page


def test_a_refusal_does_not_tell_why(browser: Client, mary: Person) -> None:
    def refusal(**changes: object) -> str:
        Account.objects.filter(sam_account_name="mjones").update(**changes)
        status, page = show(Client(headers={"host": "localhost"}), mary.header())
        assert status == 403
        return "\n".join(line for line in page.splitlines() if "csrf" not in line)

    kept = Account.objects.get(sam_account_name="mjones")
    disabled = refusal(is_enabled=False)
    assert refusal(is_enabled=True, expires_at=timezone.now() - timedelta(days=1)) == disabled
    assert refusal(expires_at=None, sid="S-1-5-21-1-2-3-4") == disabled
    assert refusal(
        sid=kept.sid, sam_account_name_folded="other", user_principal_name_folded=""
    ) == (disabled)
    events = AuditEvent.objects.filter(kind="sign_in.refused")
    assert {event.data["code"] for event in events} == {"sign_in_refused"}


def test_an_account_disabled_later_is_out_at_the_next_request(
    browser: Client, mary: Person
) -> None:
    show(browser, mary.header())
    Account.objects.filter(sam_account_name="mjones").update(is_enabled=False)
    assert not is_signed_in(browser)


def test_too_many_refused_tickets_make_the_address_wait(
    browser: Client, mary: Person, settings: Settings
) -> None:
    settings.SIGN_IN_REFUSALS_PER_ADDRESS = 3
    for _ in range(3):
        assert show(browser, mary.header("host/xp191.r2.local"))[0] == 403
    assert show(browser, mary.header())[0] == 429
    elsewhere = Client(REMOTE_ADDR="192.0.2.9", headers={"host": "localhost"})
    assert show(elsewhere, mary.header())[0] == 302


def test_what_is_no_ticket_counts_against_nobody(browser: Client, settings: Settings) -> None:
    """Whole offices outside the domain share an address, and their browsers send NTLM."""
    settings.SIGN_IN_REFUSALS_PER_ADDRESS = 3
    for _ in range(5):
        assert show(browser, negotiate(NTLM))[0] == 403
    assert not SignInAttempt.objects.exists()
    assert not AuditEvent.objects.filter(kind="sign_in.refused").exists()


def test_without_tls_no_ticket_is_asked_for(browser: Client, mary: Person) -> None:
    answer = browser.get(PAGE, headers={"authorization": mary.header()})
    assert answer.status_code == 200
    assert "WWW-Authenticate" not in answer
    assert PAGE not in browser.get("/sign-in").content.decode()
    assert PAGE in browser.get("/sign-in", secure=True).content.decode()


def test_a_page_elsewhere_begins_no_session(browser: Client, mary: Person) -> None:
    answer = browser.get(
        PAGE,
        secure=True,
        headers={"authorization": mary.header(), "sec-fetch-site": "cross-site"},
    )
    assert (answer.status_code, "WWW-Authenticate" in answer) == (200, False)
    assert PAGE in answer.content.decode()  # her own click does
    assert not is_signed_in(browser)


def test_a_keytab_that_is_not_there_is_no_way_in(
    browser: Client, mary: Person, settings: Settings, tmp_path: Path
) -> None:
    settings.SINGLE_SIGN_ON_KEYTAB_FILE = str(tmp_path / "none")
    assert show(browser, mary.header())[0] == 403


class TestTheTicketThatIsKept:
    """For delegated offers alone."""

    @pytest.fixture(autouse=True)
    def delegated(self, settings: Settings) -> None:
        settings.OFFER_AUTHORITIES = ["delegated"]

    @staticmethod
    def kept(client: Client, moment: timedelta = timedelta()) -> object:
        request = client.get("/", secure=True).wsgi_request
        sid = User.objects.get().sid
        return sign_in_tickets.sign_in_ticket(request, sid, now=timezone.now() + moment)

    def test_opens_in_her_own_requests_until_it_ends(self, browser: Client, mary: Person) -> None:
        show(browser, mary.header())
        ticket = self.kept(browser)
        assert getattr(ticket, "client", "") == "mjones@R2.LOCAL"
        assert getattr(ticket, "is_forwardable", False) is True
        assert self.kept(browser, timedelta(hours=11)) is None

    def test_does_not_open_without_her_cookie_or_with_another(
        self, browser: Client, mary: Person
    ) -> None:
        show(browser, mary.header())
        name = sign_in_tickets.cookie_name()
        browser.cookies[name] = "AAAA"
        assert self.kept(browser) is None
        del browser.cookies[name]
        assert self.kept(browser) is None

    def test_cookie_is_out_of_reach_of_scripts_and_of_other_sites(
        self, browser: Client, mary: Person
    ) -> None:
        show(browser, mary.header())
        cookie = browser.cookies[sign_in_tickets.cookie_name()]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
        assert 0 < int(cookie["max-age"]) <= 10 * 3600

    def test_is_gone_at_sign_out(self, browser: Client, mary: Person) -> None:
        show(browser, mary.header())
        assert KeptSignInTicket.objects.count() == 1
        browser.post("/sign-out", secure=True)
        assert not KeptSignInTicket.objects.exists()
        assert not browser.cookies[sign_in_tickets.cookie_name()].value

    def test_is_swept_at_its_end(self, browser: Client, mary: Person) -> None:
        show(browser, mary.header())
        sweep(timezone.now())
        assert KeptSignInTicket.objects.count() == 1
        sweep(timezone.now() + timedelta(hours=11))
        assert not KeptSignInTicket.objects.exists()

    def test_replaces_that_of_an_earlier_sign_in(self, browser: Client, mary: Person) -> None:
        show(browser, mary.header())
        KeptSignInTicket.objects.update(expires_at=timezone.now())
        show(browser, mary.header())
        assert KeptSignInTicket.objects.count() == 1
        assert self.kept(browser) is not None

    def test_is_not_kept_where_no_offer_needs_it(
        self, browser: Client, mary: Person, settings: Settings
    ) -> None:
        settings.OFFER_AUTHORITIES = ["service"]
        show(browser, mary.header())
        assert not KeptSignInTicket.objects.exists()
