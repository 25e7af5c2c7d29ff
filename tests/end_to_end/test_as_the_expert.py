"""Delegated offers through every floor: a browser with tickets, a worker that holds no key."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import krb5
import pytest
from playwright.sync_api import expect, sync_playwright

from lab import world
from tests.conftest import Lab
from tests.end_to_end.curl import Curl
from tests.end_to_end.secure_portal import (
    SecurePortal,
    memory_of,
    secure_portal,
    tickets_of,
    tunnel,
)

pytestmark = [pytest.mark.lab, pytest.mark.browser]

CHROMIUM = "/usr/bin/chromium"
REALM = b"R2.LOCAL"


@pytest.fixture(scope="module")
def portal(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecurePortal]:
    with secure_portal(tmp_path_factory.mktemp("secure"), lab.directory) as running:
        yield running


@pytest.fixture
def mary(portal: SecurePortal, tmp_path: Path) -> Curl:
    return Curl(portal, tmp_path, "mjones")


def calls_at(lab: Lab, computer: str) -> list[dict[str, object]]:
    lines = map(json.loads, (lab.directory / "calls.jsonl").read_text().splitlines())
    return [call for call in lines if call["computer"] == computer]


def wait_for(condition: object, what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_chromium_signs_in_with_a_ticket_and_offers_as_mary(
    portal: SecurePortal, lab: Lab, tmp_path: Path
) -> None:
    environment = tickets_of("mjones", tmp_path / "tickets")
    before = len(calls_at(lab, "BDN-W10-01"))
    with tunnel() as proxy, sync_playwright() as playwright:
        # In a profile of its own: what Playwright makes otherwise is a private window, and those
        # show no tickets.
        browser = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=CHROMIUM,
            env=environment,
            ignore_https_errors=True,
            proxy={"server": proxy},
            args=[
                "--no-sandbox",
                "--disable-gpu",
                f"--auth-server-allowlist={world.PORTAL_HOST}",
            ],
        )
        page = browser.new_page()

        def signs_in() -> bool:
            page.goto(f"{portal.url}/offers/create")
            page.get_by_role("link", name="Sign in with Windows").click()
            page.wait_for_load_state()
            return page.url == f"{portal.url}/offers/create"

        # Chromium for Linux loads the Kerberos library only once it was challenged.
        wait_for(signs_in, "no sign-in with Windows")
        expect(page.get_by_text(r"R2\mjones")).to_be_visible()
        page.get_by_role("textbox", name="Computer", exact=True).fill("BDN-W10-01")
        page.get_by_role("radio", name="View").check()
        page.get_by_role("button", name="Offer help").click()
        expect(page).to_have_url(re.compile(r"/offers/[0-9a-f-]{36}$"))
        wait_for(
            lambda: any(
                call["call"] == "GetNoviceUserInfo" for call in calls_at(lab, "BDN-W10-01")[before:]
            ),
            "the computer was not called",
        )
        browser.close()
    calls = calls_at(lab, "BDN-W10-01")[before:]
    assert {call["caller"] for call in calls if "caller" in call} == {r"R2\mjones"}


def test_a_worker_holds_nothing_that_opens_a_second_computer(
    portal: SecurePortal, lab: Lab, mary: Curl
) -> None:
    """Its memory while it calls with one ticket, and all that it may read on disk.

    The computer called accepts connections and never answers, so that the ticket is in use while
    the memory is looked at.
    """
    mary.sign_in()
    before = len(calls_at(lab, "WPG-MUTE-10"))
    mary.offer("WPG-MUTE-10")
    wait_for(lambda: len(calls_at(lab, "WPG-MUTE-10")) > before, "the computer was not called")
    secrets = secrets_of(lab, mary)
    mine = named("host", "wpg-mute-10.r2.local")
    others = {
        f"a ticket for {computer.name}": named("host", computer.dns_name)
        for computer in world.COMPUTERS
        if computer.name != "WPG-MUTE-10"
    }
    forbidden = secrets | others | {"a ticket-granting ticket": b"\x1b\x06krbtgt\x1b\x08" + REALM}
    seen: set[str] = set()
    found_mine = []

    def look(region: bytes) -> None:
        seen.update(name for name, secret in forbidden.items() if secret in region)
        found_mine.append(mine in region)

    for process in portal.worker_processes():
        memory_of(process, look)
    assert any(found_mine)  # the look finds what is there
    assert seen == set()
    for process in portal.worker_processes():
        environment = Path(f"/proc/{process}/environ").read_bytes()
        assert b"svc-ra-web" not in environment
        assert b"svc-ra-portal" not in environment
    for file in portal.product.directory.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [name for name, secret in forbidden.items() if secret in content], file
            assert mine not in content, file


def named(service: str, host: str) -> bytes:
    """A service's name inside a ticket (RFC 4120 5.2.2): two KerberosStrings."""
    return b"".join(bytes([0x1B, len(text)]) + text.encode() for text in (service, host))


def secrets_of(lab: Lab, mary: Curl) -> dict[str, bytes]:
    """The web account's keys, Mary's tickets and their session keys."""
    context = krb5.init_context()
    keytab = lab.directory / "keytabs" / f"{world.WEB_ACCOUNT}.keytab"
    found = {
        f"the web account's key {entry.key.enctype}": bytes(entry.key.data)
        for entry in krb5.kt_resolve(context, f"FILE:{keytab}".encode())
    }
    for stored in krb5.cc_resolve(context, f"FILE:{mary.cache}".encode()):
        if stored.ticket and "X-CACHECONF" not in str(stored.server):
            found[f"Mary's ticket for {stored.server}"] = bytes(stored.ticket)[-64:]
            found[f"its session key {stored.server}"] = bytes(stored.keyblock.data)
    assert len(found) >= 6
    assert any("HTTP/" in name for name in found)
    return found


def test_a_browser_without_tickets_comes_to_the_form(portal: SecurePortal, tmp_path: Path) -> None:
    nobody = Curl(portal, tmp_path, "mjones")
    nobody.cache.unlink()
    status, _, page = nobody.ask("/sign-in/windows", "--negotiate", "-u", ":", "--max-redirs", "0")
    assert status == 401
    assert 'action="/sign-in"' in page
