"""What the domain's Kerberos servers refuse, and what happens when none answers."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assist.remote_assistance.errors import AuthenticationFailed
from assist.remote_assistance.kerberos import KeytabCredential, service_ticket
from tests.conftest import Lab

pytestmark = pytest.mark.lab

PRINCIPAL = "svc-ra-portal@R2.LOCAL"
XP191 = "host/xp191.r2.local"
AES256 = 18
ROOT = Path(__file__).resolve().parents[3]


def keytab_with(key: bytes, path: Path) -> str:
    """A keytab (version 0x502) that holds this key of the portal's account."""

    def counted(text: str) -> bytes:
        return struct.pack(">H", len(text)) + text.encode()

    name, _, realm = PRINCIPAL.partition("@")
    entry = struct.pack(">H", 1) + counted(realm) + counted(name)
    entry += struct.pack(">IIBHH", 1, 0, 1, AES256, len(key)) + key
    path.write_bytes(b"\x05\x02" + struct.pack(">i", len(entry)) + entry)
    return str(path)


def test_the_portals_account_gets_a_ticket(lab: Lab) -> None:
    keytab = lab.directory / "keytabs" / "svc-ra-portal.keytab"
    ticket = service_ticket(KeytabCredential(PRINCIPAL, str(keytab)), XP191, 5)
    assert "sessionKey" not in repr(ticket)


def test_a_key_that_is_not_the_present_one_is_named(lab: Lab, tmp_path: Path) -> None:
    keytab = keytab_with(os.urandom(32), tmp_path / "stale.keytab")
    with pytest.raises(AuthenticationFailed, match="present key"):
        service_ticket(KeytabCredential(PRINCIPAL, keytab), XP191, 5)


def test_the_keytab_of_another_account_is_refused(lab: Lab) -> None:
    keytab = lab.directory / "keytabs" / "XP191.keytab"
    with pytest.raises(AuthenticationFailed, match="no suitable key"):
        service_ticket(KeytabCredential(PRINCIPAL, str(keytab)), XP191, 5)


def test_a_kerberos_server_that_is_silent_costs_no_more_than_the_limit(tmp_path: Path) -> None:
    """In a process of its own: MIT's library reads krb5.conf from the environment."""
    program = (
        "import sys\n"
        "from assist.remote_assistance.errors import DirectoryUnreachable\n"
        "from assist.remote_assistance.kerberos import KeytabCredential, service_ticket\n"
        "try:\n"
        f"    service_ticket(KeytabCredential({PRINCIPAL!r}, sys.argv[1]), {XP191!r}, 1)\n"
        "except DirectoryUnreachable as error:\n"
        "    print(error.code)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = tmp_path / "krb5.conf"
        settings.write_text(
            "[libdefaults]\n default_realm = R2.LOCAL\n dns_lookup_kdc = false\n"
            "[realms]\n R2.LOCAL = {\n"
            f"  kdc = tcp/127.0.0.1:{silent.getsockname()[1]}\n"
            f"  kdc = 127.0.0.1:{silent.getsockname()[1]}\n }}\n"
        )
        began = time.monotonic()
        outcome = subprocess.run(
            [sys.executable, "-c", program, keytab_with(bytes(32), tmp_path / "k")],
            cwd=ROOT,
            env=os.environ | {"KRB5_CONFIG": str(settings)},
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert outcome.stdout == "kdc_unreachable\n", outcome.stderr
    assert time.monotonic() - began < 10
