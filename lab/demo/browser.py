"""A person's browser without a screen: cookies, forms with their tokens, redirects."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """An answer of the site."""

    status: int
    address: str
    content: bytes
    file_name: str

    @property
    def text(self) -> str:
        return self.content.decode("utf-8")


class Browser:
    """One person's browser.

    Args:
        url: The site's address, without a slash at its end.
        headers: Sent with every request.
    """

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> Page:
        """The page at that path, after redirects."""
        return self._open(urllib.request.Request(self.url + path))

    def post(self, path: str, form: dict[str, str] | None = None) -> Page:
        """Sends a form with the site's cross-site token, and follows the redirect."""
        token = next((c.value or "" for c in self.cookies if c.name == "csrftoken"), "")
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **(form or {})}).encode()
        request = urllib.request.Request(self.url + path, data=body)
        request.add_header("Referer", self.url + path)
        return self._open(request)

    def sign_in(self, name: str, password: str) -> Page:
        """Signs in as a person of Active Directory."""
        self.get("/sign-in")
        return self.post("/sign-in", {"username": name, "password": password})

    def _open(self, request: urllib.request.Request) -> Page:
        try:
            answer = self._opener.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            disposition = answer.headers.get("Content-Disposition", "")
            name = re.search(r'filename="([^"]+)"', disposition)
            return Page(
                answer.status or 0, answer.url or "", answer.read(), name[1] if name else ""
            )
