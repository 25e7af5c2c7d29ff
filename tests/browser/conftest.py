"""Headless Chromium at a live portal, and a small story in its database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from assist.launch_links import new_signing_key
from portal.models import User
from tests.browser.story import Story, tell

# Playwright's own event loop runs in this thread, which makes Django take it for asynchronous.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

SIGNING_KEY = new_signing_key()
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
]

OpenAs = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium, for one module: Playwright keeps an event loop running in this thread, which
    must be over before other tests start one of their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def story(transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Story:
    """Rows for every page. No worker runs here, so nothing is sent to one."""
    settings.OFFER_AUTHORITIES = ["service", "handoff"]
    settings.LAUNCH_SIGNING_KEY = SIGNING_KEY
    monkeypatch.setattr("assist.enqueue._send", lambda *_, **__: None)
    return tell()


@pytest.fixture
def open_as(chromium: Browser, live_server: LiveServer, story: Story) -> Iterator[OpenAs]:
    """Opens a page in a new browser, signed in as somebody of the story or as nobody."""
    contexts: list[BrowserContext] = []

    def open_page(name: str | None, path: str, **options: Any) -> Page:
        settings = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
        context = chromium.new_context(base_url=live_server.url, **(settings | options))
        contexts.append(context)
        if name is not None:
            context.add_cookies([_session_cookie(story, name, live_server.url)])
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if _is_bad(line) else None)
        page.errors = errors  # type: ignore[attr-defined]
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            page.goto("about:blank")  # what htmx still asks for would outlive the database
        context.close()


def _is_bad(line: Any) -> bool:
    return line.type == "error" and "Failed to load resource" not in line.text


def _session_cookie(story: Story, name: str, url: str) -> Any:
    account = story.cast.accounts[name]
    user, _ = User.objects.get_or_create(
        sid=account.sid, defaults={"name": str(account), "display_name": account.display_name}
    )
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "portal.signin.backend.ActiveDirectoryBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return {"name": "sessionid", "value": session.session_key, "url": url}
