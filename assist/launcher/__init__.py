"""The launcher for experts' computers: a script for Windows PowerShell 5.1 and its registration.

Both are made for this portal: they hold its address and the public half of the key that signs its
links. Nothing in them is secret. They were never run here; tests read them.
"""

from __future__ import annotations

import base64
from pathlib import Path

from django.conf import settings

from assist.launch_links import SCHEME, public_key_blob

SCRIPT_NAME = "Start-OfferedAssistance.ps1"
REGISTRATION_NAME = "remote-assistance-portal.reg"
FOLDER = r"C:\Program Files\Remote Assistance Portal"
_SCRIPT = Path(__file__).parent / SCRIPT_NAME
_COMMAND = (
    r'"%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe" -NoLogo -NoProfile '
    r"-NonInteractive -ExecutionPolicy RemoteSigned -WindowStyle Hidden "
    rf'-File "%ProgramFiles%\Remote Assistance Portal\{SCRIPT_NAME}" "%1"'
)


def launcher_files() -> dict[str, bytes]:
    """The files by name, as they are downloaded.

    Raises:
        NotConfigured: There is no key whose public half they could hold.
    """
    return {SCRIPT_NAME: _script(), REGISTRATION_NAME: _registration()}


def _script() -> bytes:
    values = {
        "@PORTAL@": settings.PORTAL_URL.rstrip("/").replace("'", "''"),
        "@PUBLIC_KEY@": base64.b64encode(public_key_blob()).decode("ascii"),
    }
    text = _SCRIPT.read_text(encoding="ascii")
    for mark, value in values.items():
        text = text.replace(mark, value)
    # Windows PowerShell reads a script without a byte order mark in the computer's own code page.
    return text.replace("\n", "\r\n").encode("ascii")


def _registration() -> bytes:
    r"""Registry editor 5.00: UTF-16; ``hex(2)`` is REG_EXPAND_SZ, with its terminating zero."""
    key = rf"HKEY_LOCAL_MACHINE\SOFTWARE\Classes\{SCHEME}"
    command = f"{_COMMAND}\0".encode("utf-16-le").hex(",")
    lines = [
        "Windows Registry Editor Version 5.00",
        "",
        f"[{key}]",
        '@="URL:Remote Assistance portal"',
        '"URL Protocol"=""',
        "",
        rf"[{key}\shell\open\command]",
        f"@=hex(2):{command}",
        "",
    ]
    return "\r\n".join(lines).encode("utf-16")
