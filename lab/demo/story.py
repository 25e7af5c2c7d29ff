"""The story, played without a person.

Mary offers Bob help and he accepts; she offers again and he declines; Eve is refused.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass

from lab import world
from lab.demo.browser import Browser, Page
from lab.demo.product import CHECKOUT, Product
from lab.demo.viewer import Viewer

COMPUTER = "XP191"
STATE = re.compile(r'data-state="([a-z]+)"')
PASSWORD = re.compile(r'id="invitation-password"[^>]*>([^<]+)<')


class StoryError(Exception):
    """The story did not come out as it must."""


def expect(condition: object, what: str, page: Page | None = None) -> None:
    """Raises StoryError unless the condition holds."""
    if not condition:
        shown = f"\n{page.address} ({page.status}):\n{page.text[:3000]}" if page else ""
        raise StoryError(f"Not so: {what}{shown}")


@dataclass
class Steps:
    """Prints each step with the seconds since the story began."""

    began: float

    def say(self, what: str) -> None:
        print(f"{time.monotonic() - self.began:7.1f} s  {what}", flush=True)


def novice_answers(answer: str) -> None:
    """Scripts what Bob says when he is asked next."""
    subprocess.run(
        [sys.executable, "-m", "lab", "answer", COMPUTER, answer],
        cwd=CHECKOUT,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def state_of(browser: Browser, path: str) -> str:
    """The state that the offer's page shows."""
    page = browser.get(path)
    found = STATE.search(page.text)
    expect(found, "the offer's page shows a state", page)
    return found[1] if found else ""


def wait_for_state(browser: Browser, path: str, wanted: set[str], seconds: float = 60) -> str:
    """Waits until the offer's page shows one of the wanted states."""
    deadline = time.monotonic() + seconds
    while (state := state_of(browser, path)) not in wanted:
        expect(time.monotonic() < deadline, f"{wanted} within {seconds:g} s; it is {state}")
        time.sleep(0.3)
    return state


def offer(browser: Browser, ticket: str) -> str:
    """Asks for an offer of control to Bob's computer; returns the path of the offer's page."""
    page = browser.post(
        "/offers/create",
        {
            "target": COMPUTER,
            "mode": "control",
            "viewer": "freerdp",
            "wanted_user": "",
            "ticket": ticket,
            "reason": "Printer does not print",
        },
    )
    found = re.search(r"/offers/[0-9a-f-]{36}", page.address)
    expect(found, "asking for an offer leads to its page", page)
    return found[0] if found else ""


def open_invitation(browser: Browser, path: str) -> Viewer:
    """Downloads the invitation as the expert does and opens it in FreeRDP."""
    page = browser.get(path)
    password = PASSWORD.search(page.text)
    expect(password, "the page shows the invitation's password", page)
    invitation = browser.post(f"{path}/invitation")
    expect(invitation.content.startswith(b"<?xml"), "the invitation is a file", invitation)
    return Viewer(invitation.content, password[1].strip() if password else "")


def play(product: Product) -> None:
    """Plays the story on a running product; raises StoryError where it goes wrong."""
    steps = Steps(time.monotonic())
    mary = Browser(product.url)
    page = mary.sign_in(r"R2\mjones", world.PERSON_PASSWORD)
    expect("Mary Jones" in page.text, "Mary is signed in", page)
    steps.say("Mary Jones signs in with her Active Directory account")

    explained = product.manage("explain_offer", r"R2\mjones", COMPUTER, "--mode", "control")
    expect(explained.returncode == 0, f"Mary may help {COMPUTER}: {explained.stdout}")
    steps.say(f"Mary may offer Bob help on {COMPUTER}, in control mode")

    novice_answers("accept")
    first = offer(mary, "INC-1001")
    wait_for_state(mary, first, {"offered"})
    steps.say(f"A worker reached {COMPUTER}; Remote Assistance runs there, an invitation waits")
    with open_invitation(mary, first) as viewer:
        steps.say("Mary opens the invitation in FreeRDP; Bob is asked")
        wait_for_state(mary, first, {"accepted"})
        steps.say("Bob accepts: the offer's page says so")
        expect(viewer.shows_a_picture(20), f"Mary sees Bob's desktop: {viewer.log()[-2000:]}")
        steps.say("Mary sees Bob's desktop")
        viewer.close()
        wait_for_state(mary, first, {"ended"})
    steps.say("Mary closes her viewer: the offer has ended")

    novice_answers("decline")
    second = offer(mary, "INC-1002")
    wait_for_state(mary, second, {"offered"})
    with open_invitation(mary, second):
        wait_for_state(mary, second, {"declined"})
    steps.say("Mary offers again; Bob declines")
    novice_answers("reset")

    eve = Browser(product.url)
    page = eve.sign_in("eadams@r2.local", world.PERSON_PASSWORD)
    expect("Eve Adams" in page.text, "Eve is signed in", page)
    refused = offer(eve, "INC-1003")
    page = eve.get(refused)
    expect(state_of(eve, refused) == "refused", "Eve is refused", page)
    expect("helper list" in page.text, "the page says that Eve is on no helper list", page)
    steps.say("Eve is refused: she is on no helper list of the policy in force")
    page = eve.get(first)
    expect(page.status == 404, "Eve cannot see Mary's offer", page)
    steps.say("Eve cannot see Mary's offer")

    verified = product.manage("audit_verify")
    expect(verified.returncode == 0, f"the audit trail holds: {verified.stdout}{verified.stderr}")
    steps.say(f"Audit trail: {verified.stdout.strip().splitlines()[0]}")
