"""Every page in both themes: nothing broken on the way, and a picture for people to look at.

``make screenshots`` keeps the pictures in ``screenshots/``; without SCREENSHOTS they are only
taken.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenAs
from tests.browser.story import Story
from tests.environment import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

THEMES = ("light", "dark")
WIDTHS = {"": 1280, "-narrow": 360}


def paths_of(story: Story) -> dict[str, tuple[str | None, str]]:
    """Every page by a name for its picture: who opens it, and where it is."""
    offers, computers = story.offers, story.cast.computers
    assert story.rule is not None
    return {
        "sign-in": (None, "/sign-in"),
        "home": ("mjones", "/"),
        "search": ("mjones", "/?q=WPG"),
        "search-nothing": ("mjones", "/?q=toaster"),
        "computer": ("mjones", f"/computers/{computers['WPG-W11-11'].pk}"),
        "computer-busy": ("mjones", f"/computers/{computers['GIM-W11-01'].pk}"),
        "computer-view-only": ("mjones", f"/computers/{computers['BDN-W10-01'].pk}"),
        "computer-refused": ("eadams", f"/computers/{computers['XP191'].pk}"),
        "offer-choosing": ("mjones", f"/offers/{offers['choosing'].pk}"),
        "offer-offered": ("mjones", f"/offers/{offers['offered'].pk}"),
        "offer-ended": ("mjones", f"/offers/{offers['ended'].pk}"),
        "offer-contradicted": ("mjones", f"/offers/{offers['contradicted'].pk}"),
        "offer-declined": ("mjones", f"/offers/{offers['declined'].pk}"),
        "offer-unreachable": ("mjones", f"/offers/{offers['unreachable'].pk}"),
        "offer-refused": ("eadams", f"/offers/{offers['refused'].pk}"),
        "offer-waits-for-approval": ("mjones", f"/offers/{offers['approval'].pk}"),
        "offer-for-later": ("mjones", f"/offers/{offers['later'].pk}"),
        "offer-handed-off": ("mjones", f"/offers/{offers['handoff'].pk}"),
        "offer-tried-again": ("eadams", f"/offers/{offers['again'].pk}"),
        "computer-protected": ("mjones", f"/computers/{computers['WPG-TILL-02'].pk}"),
        "approvals": ("tmanager", "/approvals"),
        "protection": ("ooperator", "/protection"),
        "protection-rule": ("ooperator", f"/protection/rules/{story.rule.pk}"),
        "protection-new": ("ooperator", "/protection/rules/new"),
        "launcher": ("mjones", "/launcher"),
        "offers": ("mjones", "/offers"),
        "offers-manager": ("tmanager", "/offers"),
        "offer-form": ("mjones", "/offers/create"),
        "audit": ("aauditor", "/audit"),
        "preferences": ("mjones", "/preferences"),
        "directory": ("ooperator", "/directory"),
        "directory-search": ("ooperator", "/directory/search?q=win"),
        "directory-object": ("ooperator", f"/directory/objects/{computers['XP191'].pk}"),
        "directory-run": ("ooperator", f"/directory/runs/{story.stopped_run.pk}"),
        "directory-path": (
            "ooperator",
            "/directory/path?member=R2%5Cnkhan&group=R2%5CHelpdesk%20Winnipeg",
        ),
        "readiness": ("tmanager", "/readiness"),
        "group-policy-kit": ("tmanager", "/group-policy-kit"),
        "what-if": ("tmanager", "/what-if"),
        "what-if-running": ("tmanager", f"/what-if/{story.what_ifs['running'].pk}"),
        "what-if-answered": ("tmanager", f"/what-if/{story.what_ifs['answered'].pk}"),
        "what-if-failed": ("tmanager", f"/what-if/{story.what_ifs['failed'].pk}"),
        "readiness-unit": ("tmanager", f"/readiness?unit={story.cast.unit.pk}"),
        "readiness-computers": ("tmanager", "/readiness/computers?state=not_ready"),
        "reports": ("tmanager", "/reports"),
        "reports-refused": ("tmanager", "/reports?from=gestern&by=team"),
        "report-offers": ("tmanager", "/reports/offers"),
        "report-offers-none": ("tmanager", "/reports/offers?ticket=nothing"),
        "report-offers-refused": ("tmanager", "/reports/offers?outcome=splendid"),
        "report-schedules": ("tmanager", "/reports/schedules"),
        "report-offer": ("aauditor", f"/reports/offers/{offers['ended'].pk}"),
        "report-offer-refused": ("eadams", f"/reports/offers/{offers['refused'].pk}"),
        "report-coverage": ("tmanager", "/reports/coverage?more_than=1"),
        "report-coverage-refused": ("tmanager", "/reports/coverage?more_than=many&from=soon"),
        "report-coverage-rows": ("aauditor", "/reports/coverage/never-helped"),
        "report-coverage-computers": ("aauditor", "/reports/coverage/unhelped"),
        "report-expert": ("aauditor", f"/reports/experts/{story.cast.mjones.sid}"),
        "report-expert-own": ("mjones", f"/reports/experts/{story.cast.mjones.sid}"),
        "report-computer": ("aauditor", f"/reports/computers/{computers['XP191'].pk}"),
        "report-computer-decided": (
            "aauditor",
            f"/reports/computers/{computers['XP191'].pk}?day={timezone.localdate()}",
        ),
        "report-computer-past": (
            "aauditor",
            f"/reports/computers/{computers['XP191'].pk}?day=2026-01-05",
        ),
        "not-found": ("mjones", "/nowhere"),
        "not-allowed": ("mjones", "/audit"),
    }


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not os.environ.get("SCREENSHOTS"):
        return tmp_path_factory.mktemp("screenshots")
    kept = ROOT / "screenshots"
    kept.mkdir(exist_ok=True)
    return kept


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_draws(
    open_as: OpenAs, story: Story, directory: Path, theme: str, width: str
) -> None:
    options = {"color_scheme": theme, "viewport": {"width": WIDTHS[width], "height": 800}}
    pages: dict[str | None, Page] = {}
    for name, (person, path) in paths_of(story).items():
        if person not in pages:
            pages[person] = open_as(person, path, **options)
        page = pages[person]
        page.goto(path)
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        page.screenshot(path=directory / f"{name}-{theme}{width}.png", full_page=True)
        assert overflow <= 0, f"{name} is {overflow} pixels wider than {WIDTHS[width]}"
        assert page.errors == [], name  # type: ignore[attr-defined]


@pytest.mark.parametrize("theme", THEMES)
def test_forms_that_cannot_be_used_draw(
    open_as: OpenAs, story: Story, directory: Path, theme: str
) -> None:
    page = open_as(None, "/sign-in", color_scheme=theme)
    page.fill("#id_username", r"R2\mjones")
    page.click("button[type=submit]")
    expect(page.locator("#id_password")).to_be_focused()
    expect(page.locator("#id_password")).to_have_accessible_description("Type your password.")
    expect(page.locator("#id_username")).to_have_value(r"R2\mjones")
    page.screenshot(path=directory / f"sign-in-wrong-{theme}.png", full_page=True)

    computer = story.cast.computers["WPG-W11-11"]
    page = open_as("mjones", f"/computers/{computer.pk}", color_scheme=theme)
    page.fill("#id_ticket", "<1>")
    page.fill("#id_reason", "No sound")
    page.click("aside button[type=submit]")
    expect(page.locator("#id_ticket")).to_be_focused()
    expect(page.locator("#id_reason")).to_have_value("No sound")
    page.screenshot(path=directory / f"computer-wrong-{theme}.png", full_page=True)

    page = open_as("tmanager", "/what-if", color_scheme=theme)
    page.get_by_label("A trust is removed").check()
    page.get_by_label("Domain that trusts").fill("r2.local")
    page.get_by_label("Domain that is trusted").fill("nowhere.test")
    page.click("#ask")
    expect(page.locator("#id_trusted")).to_be_focused()
    expect(page.locator("#id_trusting")).to_have_value("r2.local")
    expect(page.locator("#id_policy")).to_be_hidden()
    page.screenshot(path=directory / f"what-if-wrong-{theme}.png", full_page=True)


@pytest.mark.parametrize("theme", THEMES)
def test_a_kit_beside_a_policy_draws_in_a_narrow_window(
    open_as: OpenAs, story: Story, directory: Path, theme: str
) -> None:
    options = {"color_scheme": theme, "viewport": {"width": WIDTHS["-narrow"], "height": 800}}
    page = open_as("tmanager", "/group-policy-kit", **options)
    page.fill("#id_helpers", r"R2\Helpdesk Winnipeg")
    page.fill("#id_compare_with", str(story.cast.policy))
    page.get_by_label("Windows XP Service Pack 2 or 3").check()
    page.click("main button[type=submit]")
    expect(page.locator("#kit-title")).to_be_visible()
    overflow = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    page.screenshot(path=directory / f"group-policy-kit-shown-{theme}.png", full_page=True)
    assert overflow <= 0
