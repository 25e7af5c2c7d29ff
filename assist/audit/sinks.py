"""Where checkpoints leave the database: a file, a service over HTTP."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from assist.errors import SinkUnavailable


def append_to_file(path: Path, line: str) -> None:
    """Append a line and have it on disk before returning.

    Raises:
        SinkUnavailable: The file cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            size = os.fstat(descriptor).st_size
            # What a power cut left of the last line must not swallow this one.
            is_open_line = size and os.pread(descriptor, 1, size - 1) != b"\n"
            content = ("\n" if is_open_line else "") + line + "\n"
            if os.write(descriptor, content.encode()) != len(content.encode()):
                raise OSError(None, "the disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SinkUnavailable(
            f"{path} cannot be written: {error.strerror}.",
            remedy="Look at AUDIT_CHECKPOINT_FILE, its disk and its rights.",
        ) from None


def post(url: str, line: str, *, token: str, timeout: float) -> None:
    """Send a line to a service and wait for its yes.

    Args:
        url: Where to.
        line: JSON.
        token: Sent as ``Authorization: Bearer``, if not empty.
        timeout: Seconds for each step.

    Raises:
        SinkUnavailable: It could not be reached, or did not answer 2xx.
    """
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, line.encode(), headers, method="POST")  # noqa: S310
    remedy = "Look at AUDIT_CHECKPOINT_URL and at the service there."
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout):
            return
    except urllib.error.HTTPError as error:
        raise SinkUnavailable(f"{url} answered {error.code}.", remedy=remedy) from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise SinkUnavailable(f"{url} cannot be reached: {reason}.", remedy=remedy) from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None
