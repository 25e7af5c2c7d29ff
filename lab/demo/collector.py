"""Where the lab's computers forward their events."""

from __future__ import annotations

import json
from pathlib import Path


class Collector:
    """One installation's place in the lab's ``collector.json``.

    The file names one installation at a time. One that ends gives the place back to the one that
    had it before, for two may run beside the same lab.

    Args:
        lab_directory: The running lab's state directory.
    """

    def __init__(self, lab_directory: Path) -> None:
        self._file = lab_directory / "collector.json"
        self._own: str | None = None
        self._before: str | None = None

    def connect(self, url: str, token: str) -> None:
        """Has every event of the lab's computers posted to the portal at this address."""
        self._before = self._file.read_text(encoding="utf-8") if self._file.exists() else None
        self._own = json.dumps({"url": f"{url}/api/v1/windows-events", "token": token})
        self._file.write_text(self._own, encoding="utf-8")

    def disconnect(self) -> None:
        """Undoes ``connect``, unless somebody else was connected since."""
        if not self._file.exists() or self._file.read_text(encoding="utf-8") != self._own:
            return
        if self._before is None:
            self._file.unlink()
        else:
            self._file.write_text(self._before, encoding="utf-8")
