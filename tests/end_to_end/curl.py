"""curl as the browser of an expert who is signed in to Windows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from lab import world
from tests.end_to_end.secure_portal import SecurePortal, tickets_of


class Curl:
    """It shows tickets, keeps cookies until she is signed in, and follows no redirect.

    From then on several threads may use it at once.

    Args:
        portal: Where it goes.
        directory: For its cookies and tickets.
        name: Whose tickets.
    """

    def __init__(self, portal: SecurePortal, directory: Path, name: str) -> None:
        self._portal = portal
        self._jar = directory / "cookies"
        self.cache = directory / "tickets"
        self._environment = tickets_of(name, self.cache)
        self._form_token = ""

    def ask(self, path: str, *options: str) -> tuple[int, str, str]:
        """Status, the place that it leads to, and the page."""
        keeping = [] if self._form_token else ["-c", str(self._jar)]
        done = subprocess.run(
            [
                *["curl", "-ks", "-b", str(self._jar), *keeping],
                *["--resolve", f"{world.PORTAL_HOST}:{self._portal.port}:127.0.0.1"],
                *["-w", "\n%{http_code} %{redirect_url}", *options, f"{self._portal.url}{path}"],
            ],
            env=self._environment,
            text=True,
            capture_output=True,
            check=True,
        )
        page, _, last = done.stdout.rpartition("\n")
        status, _, place = last.partition(" ")
        return int(status), place.removeprefix(self._portal.url), page

    def sign_in(self) -> None:
        assert self.ask("/sign-in/windows", "--negotiate", "-u", ":")[:2] == (302, "/")
        page = self.ask("/offers/create")[2]
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token, page
        self._form_token = token[1]

    def send(self, path: str, **fields: str) -> tuple[int, str, str]:
        """Sends a form as one who is signed in; answered as by :meth:`ask`."""
        sent = {"csrfmiddlewaretoken": self._form_token} | fields
        data = [part for pair in sent.items() for part in ("--data-urlencode", "=".join(pair))]
        return self.ask(path, "-e", self._portal.url, *data)

    def offer(self, computer: str, mode: str = "control", **fields: str) -> str:
        """Makes an offer; the path of its page."""
        status, place, page = self.send(
            "/offers/create", target=computer, mode=mode, viewer="windows", **fields
        )
        assert status == 302, page
        return place
