"""What a measurement says while it runs."""

from __future__ import annotations

import time


class Report:
    """Says what is done, with the time since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, what: str) -> None:
        print(f"{time.monotonic() - self._began:7.1f} s  {what}", flush=True)
