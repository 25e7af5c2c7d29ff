"""Pages as people use them: with the keyboard, in both themes, while things happen."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from assist.actors import Actor
from assist.lifecycle import State
from assist.models import (
    AuditEvent,
    ComputerReadiness,
    EvidenceKind,
    Offer,
    ReadinessSweep,
    WhatIf,
)
from assist.offers import offer_report
from assist.offers.transitions import move
from assist.what_ifs import what_if_work
from tests.browser.conftest import OpenAs
from tests.browser.story import Story
from tests.browser.test_screenshots import THEMES, paths_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AUDIT_OF_PAGE = (Path(__file__).parent / "audit_of_page.js").read_text(encoding="utf-8")


def _errors(page: Page) -> list[str]:
    errors: list[str] = page.errors  # type: ignore[attr-defined]
    return errors


def test_results_appear_while_typing_and_the_arrows_lead_to_them(
    open_as: OpenAs, story: Story
) -> None:
    page = open_as("mjones", "/")
    page.keyboard.type("wpg-w11-1")  # the search box has the focus from the start
    link = page.locator("#search-results a")
    expect(link).to_have_text(re.compile("WPG-W11-11"))
    page.keyboard.press("ArrowDown")
    expect(link).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("WPG-W11-11")
    assert _errors(page) == []


def test_help_is_offered_with_the_keyboard_alone(open_as: OpenAs, story: Story) -> None:
    page = open_as("mjones", "/offers")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("WPG-W11-11")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("WPG-W11-11")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    _tab_to(page, "#id_ticket")
    page.keyboard.type("INC-2001")
    _tab_to(page, "#id_reason")
    page.keyboard.type("No sound")
    _tab_to(page, "[name=viewer]")
    page.keyboard.press("ArrowDown")
    _tab_to(page, "aside button[type=submit]")
    page.keyboard.press("Enter")
    expect(page.locator("#offer-live")).to_have_attribute("data-state", "queued")
    offer = Offer.objects.get(ticket="INC-2001")
    assert (offer.mode, offer.viewer, offer.reason) == ("control", "freerdp", "No sound")
    _tab_to(page, "#cancel")
    page.keyboard.press("Enter")
    expect(page.locator("#offer-live")).to_have_attribute("data-state", "cancelled")


def test_the_shortcut_can_be_switched_off(open_as: OpenAs) -> None:
    page = open_as("mjones", "/preferences")
    page.click("#shortcut")
    page.keyboard.press("/")
    expect(page.locator("#shortcut")).to_have_attribute("aria-pressed", "false")
    assert page.url.endswith("/preferences")


def test_states_appear_without_a_reload_and_are_announced(open_as: OpenAs, story: Story) -> None:
    page = open_as("mjones", "/")
    offer = story.cast.request(target="WPG-W11-11", now=timezone.now())
    page.goto(f"/offers/{offer.pk}")
    live = page.locator("#offer-live")
    expect(live).to_have_attribute("data-state", "queued")
    page.evaluate("window.same = true")
    move(offer, State.CONTACTING, actor=Actor.portal(), now=timezone.now())
    expect(live).to_have_attribute("data-state", "contacting")
    expect(page.locator("#announcement")).to_have_text("Contacting the computer.")
    expect(page).to_have_title("Contacting the computer - WPG-W11-11")
    move(
        offer,
        State.UNREACHABLE,
        actor=Actor.portal(),
        now=timezone.now(),
        sentence="It did not answer.",
        remedy="Switch it on.",
    )
    expect(live).to_have_attribute("data-state", "unreachable")
    expect(live).to_contain_text("Switch it on.")
    expect(page.locator("#announcement")).to_contain_text("It did not answer.")
    assert live.get_attribute("hx-get") is None
    assert page.evaluate("window.same") is True
    assert _errors(page) == []


def test_the_focus_stays_where_it_is_when_a_state_appears(open_as: OpenAs, story: Story) -> None:
    offer = story.offers["offered"]
    page = open_as("mjones", f"/offers/{offer.pk}")
    page.focus("#cancel")
    with page.expect_response(re.compile("/live")) as answer:
        pass
    assert answer.value.status == 204  # nothing new: nothing is put in place
    Offer.objects.filter(pk=offer.pk).update(state=State.ANSWERING.value)
    expect(page.locator("#offer-live")).to_have_attribute("data-state", "answering")
    expect(page.locator("#cancel")).to_be_focused()


def test_an_offer_appears_at_home_when_it_is_made_elsewhere(open_as: OpenAs, story: Story) -> None:
    page = open_as("mjones", "/")
    offer = story.cast.request(target="WPG-W11-11", now=timezone.now())
    expect(page.locator(f"#active-{offer.pk}")).to_contain_text("WPG-W11-11")


def test_nothing_of_an_open_offer_is_cut_off_on_a_narrow_screen(open_as: OpenAs) -> None:
    page = open_as("mjones", "/", viewport={"width": 360, "height": 800})
    rows = page.locator("#active-offers .row")
    assert rows.count() > 1
    for row in rows.all():
        cut = row.evaluate(
            "row => [...row.children].some(part => part.getBoundingClientRect().right"
            " > row.getBoundingClientRect().right)"
        )
        assert not cut, row.inner_text()


def test_she_chooses_whom_to_help(open_as: OpenAs, story: Story) -> None:
    page = open_as("mjones", f"/offers/{story.offers['choosing'].pk}")
    page.get_by_label("R2\\cwong").check()
    page.click("#choose")
    expect(page.locator("#offer-live")).to_have_attribute("data-state", "contacting")
    assert Offer.objects.get(pk=story.offers["choosing"].pk).logon_session_id == 3


def test_the_invitation_is_downloaded_and_the_password_copied(
    open_as: OpenAs, story: Story
) -> None:
    page = open_as("mjones", f"/offers/{story.offers['offered'].pk}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with page.expect_download() as download:
        page.click("#take-invitation")
    assert download.value.suggested_filename == "XP191.msrcIncident"
    assert Path(download.value.path()).read_bytes().startswith(b"<?xml")
    page.click("#copy-password")
    expect(page.locator("#copy-password")).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#invitation-password").text_content()
    assert re.search(r"\d:\d\d left", page.locator("[data-until]").text_content() or "")


def test_she_says_what_she_sees(open_as: OpenAs, story: Story) -> None:
    page = open_as("mjones", f"/offers/{story.offers['offered'].pk}")
    page.click("#report-viewed")
    expect(page.locator("#offer-live")).to_have_attribute("data-state", "accepted")
    expect(page.locator(".outcome")).to_contain_text("stated by the expert")
    page.click("#report-ended")
    expect(page.locator("#offer-live")).to_have_attribute("data-state", "ended")


def test_control_taken_on_a_view_only_offer_is_shown(open_as: OpenAs, story: Story) -> None:
    offer = story.offers["offered"]
    Offer.objects.filter(pk=offer.pk).update(mode="view")
    offer.refresh_from_db()
    for kind in (EvidenceKind.VIEWED, EvidenceKind.CONTROLLED):
        offer_report(actor=story.cast.actor(), offer=offer, kind=kind)
    page = open_as("mjones", f"/offers/{offer.pk}")
    expect(page.locator("aside")).to_contain_text("Control was taken on a view-only offer.")
    expect(page.locator("aside")).to_contain_text("View is watched, not enforced")


def test_an_expired_invitation_is_said(open_as: OpenAs, story: Story) -> None:
    offer = story.offers["offered"]
    invitation = offer.invitation
    invitation.expires_at = timezone.now() - timedelta(seconds=1)
    invitation.save()
    page = open_as("mjones", f"/offers/{offer.pk}")
    expect(page.locator("#offer-live")).to_contain_text("The invitation has expired.")
    expect(page.locator("#take-invitation")).to_have_count(0)


def test_a_portal_that_does_not_answer_is_said_and_recovers(open_as: OpenAs, story: Story) -> None:
    page = open_as("mjones", f"/offers/{story.offers['offered'].pk}")
    page.context.set_offline(True)
    expect(page.locator("#connection")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#connection")).to_be_hidden()


def test_the_chosen_colours_are_remembered(open_as: OpenAs) -> None:
    page = open_as("mjones", "/", color_scheme="light")

    def background() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = background()
    button = page.get_by_role("button", name="Colours")
    button.click()
    button.click()
    expect(button).to_have_accessible_name("Colours: dark")
    dark = background()
    assert dark != light
    page.reload()
    assert background() == dark
    button.click()
    expect(button).to_have_accessible_name("Colours: like the system")
    assert background() == light


def test_a_check_that_was_asked_for_appears_without_a_reload(open_as: OpenAs, story: Story) -> None:
    computer = story.cast.computers["WPG-W11-11"]
    page = open_as("mjones", f"/computers/{computer.pk}")
    part = page.locator("#readiness")
    expect(part).to_have_attribute("data-waiting", "no")
    page.evaluate("window.same = true")
    page.click("#check-readiness")
    expect(part).to_have_attribute("data-waiting", "yes")
    expect(page.locator("#check-readiness")).to_have_count(0)
    event = AuditEvent.objects.get(kind="readiness.check_asked")
    assert (event.actor_name, event.subject_name) == (r"R2\mjones", computer.name)
    ComputerReadiness.objects.filter(pk=computer.pk).update(
        checked_at=timezone.now(), state="ready", cause=""
    )
    expect(part).to_have_attribute("data-waiting", "no")
    expect(part).to_contain_text("An offer should get through.")
    assert page.evaluate("window.same") is True
    assert _errors(page) == []


def test_a_look_at_who_is_logged_on_is_for_who_may_help_and_is_recorded(
    open_as: OpenAs, story: Story
) -> None:
    computer = story.cast.computers["WPG-W11-11"]
    page = open_as("mjones", f"/computers/{computer.pk}")
    page.click("#look-at-sessions")
    expect(page.locator("#readiness")).to_have_attribute("data-waiting", "yes")
    event = AuditEvent.objects.get(kind="readiness.sessions_asked")
    assert (event.actor_name, event.subject_name) == (r"R2\mjones", computer.name)
    refused = open_as("eadams", f"/computers/{computer.pk}")
    ComputerReadiness.objects.filter(pk=computer.pk).update(requested_at=None)
    refused.reload()
    refused.click("#look-at-sessions")
    expect(refused.locator("main")).to_contain_text("you may not offer help there")
    assert AuditEvent.objects.filter(kind="readiness.sessions_asked").count() == 1


def test_a_sweep_is_followed_without_a_reload(open_as: OpenAs, story: Story) -> None:
    page = open_as("tmanager", "/readiness")
    sweep = ReadinessSweep.objects.get(state=ReadinessSweep.State.RUNNING)
    row = page.locator(f"[data-sweep='{sweep.pk}']")
    expect(row).to_contain_text("6 of 7 checked")
    ReadinessSweep.objects.filter(pk=sweep.pk).update(done=7, state=ReadinessSweep.State.DONE)
    expect(row).to_contain_text("7 of 7 checked")
    expect(row).to_have_attribute("data-state", "done")
    assert _errors(page) == []


def test_a_what_if_is_asked_with_the_keyboard_and_its_answer_appears(
    open_as: OpenAs, story: Story
) -> None:
    WhatIf.objects.update(state=WhatIf.State.DONE)
    page = open_as("tmanager", "/what-if")
    _tab_to(page, "[name=kind]")
    page.keyboard.press("ArrowDown")  # from a helper added to a helper taken off
    page.keyboard.press("ArrowUp")
    _tab_to(page, "#id_policy")
    page.keyboard.type("WinnipegGPO")
    _tab_to(page, "#id_who")
    expect(page.locator("#id_unit")).to_be_hidden()
    page.keyboard.type("eadams")
    page.keyboard.press("Enter")
    part = page.locator("#what-if")
    expect(part).to_contain_text("Waiting for a worker")
    page.evaluate("window.same = true")
    what_if_work(uuid.UUID(page.url.rpartition("/")[2]))
    expect(part).to_have_attribute("data-state", "done")
    expect(page.locator("[data-side=gained-control]")).to_contain_text("Control gained")
    expect(page.locator("#announcement")).to_have_text("The answer is there.")
    assert page.evaluate("window.same") is True
    assert _errors(page) == []


def test_an_approval_reaches_the_expert_without_a_reload(open_as: OpenAs, story: Story) -> None:
    offer = story.offers["approval"]
    page = open_as("mjones", f"/offers/{offer.pk}")
    live = page.locator("#offer-live")
    expect(live).to_contain_text("A second person has to approve it")
    page.evaluate("window.same = true")
    approver = open_as("tmanager", "/approvals")
    card = approver.locator(f"[data-offer='{offer.pk}']")
    expect(card).to_contain_text("The scanner does not read")
    card.get_by_label("Reason").fill("The queue is long")
    card.get_by_role("button", name="Approve").click()
    expect(approver.locator("#waiting")).to_contain_text("No offer waits for your approval.")
    expect(live).to_have_attribute("data-state", "queued")
    assert page.evaluate("window.same") is True
    page.reload()
    expect(page.locator("aside")).to_contain_text("The queue is long")
    assert _errors(page) == []
    assert _errors(approver) == []


def test_a_reason_being_typed_outlives_what_comes_in_meanwhile(
    open_as: OpenAs, story: Story
) -> None:
    page = open_as("tmanager", "/approvals")
    reason = page.get_by_label("Reason")
    reason.fill("Because")
    with page.expect_response(re.compile("/approvals/live")) as answer:
        pass
    assert answer.value.status == 204
    expect(reason).to_have_value("Because")


def test_a_handed_off_offer_is_started_by_a_link_of_her_own(open_as: OpenAs, story: Story) -> None:
    page = open_as("mjones", f"/offers/{story.offers['handoff'].pk}")
    page.click("#launch")
    link = page.locator("#launch-now")
    expect(link).to_be_focused()
    expect(link).to_have_attribute("href", re.compile("^remote-assistance-portal:launch[?]v=1&"))
    expect(page.locator("#offer-live")).to_have_attribute("data-state", "offered")
    assert page.evaluate(AUDIT_OF_PAGE) == []
    page.goto(page.url)
    expect(page.locator("#launch-now")).to_have_count(0)
    assert _errors(page) == []


def test_an_offer_for_later_is_made_with_the_keyboard(open_as: OpenAs, story: Story) -> None:
    page = open_as("mjones", f"/computers/{story.cast.computers['WPG-W11-11'].pk}")
    page.get_by_label("Start", exact=True).select_option("10")
    page.locator("aside button[type=submit]").press("Enter")
    live = page.locator("#offer-live")
    expect(live).to_have_attribute("data-state", "held")
    expect(live).to_contain_text("It starts at")
    page.click("#cancel")
    expect(live).to_have_attribute("data-state", "cancelled")
    page.click("#retry")
    expect(page.locator("#offer-live")).to_have_attribute("data-state", "queued")
    expect(page.locator("aside")).to_contain_text("the first, cancelled")


@pytest.mark.parametrize("theme", THEMES)
def test_every_page_can_be_read_and_reached(open_as: OpenAs, story: Story, theme: str) -> None:
    found: dict[str, Any] = {}
    pages: dict[str | None, Page] = {}
    for name, (person, path) in paths_of(story).items():
        if person not in pages:
            pages[person] = open_as(person, path, color_scheme=theme)
        pages[person].goto(path)
        problems = pages[person].evaluate(AUDIT_OF_PAGE)
        if problems:
            found[name] = problems
    assert found == {}


def _tab_to(page: Page, selector: str) -> None:
    """Tab until the element has the focus; it must be on the way."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    pytest.fail(f"Tab does not lead to {selector}")
