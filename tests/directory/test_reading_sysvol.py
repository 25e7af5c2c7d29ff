"""Files of the lab's SYSVOL, over SMB with Kerberos; and controllers that are not believed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from directory.configuration import connection_settings
from directory.grouppolicy.sysvol import Sysvol, SysvolUnavailable
from tests.environment import LAB_DIR
from tests.fixtures_directory import Sockets

pytestmark = pytest.mark.lab
# Any account of the domain may read SYSVOL; this one has a keytab.
SERVICE_PRINCIPAL = "svc-ra-portal@R2.LOCAL"
SERVICE_KEYTAB = LAB_DIR / "keytabs" / "svc-ra-portal.keytab"
DEFAULT_POLICY = r"r2.local\Policies\{31B2F340-016D-11D2-945F-00C04FB984F9}"


def share(
    name: str = "dc1.r2.local", ip: str = "127.0.10.1", password: str | None = None
) -> Sysvol:
    settings = connection_settings()
    return Sysvol(
        name,
        ip,
        principal=settings.bind_principal,
        password=settings.bind_password if password is None else password,
        connect_timeout_seconds=3,
        read_timeout_seconds=5,
    )


@pytest.fixture
def sysvol(lab_domain: object) -> Iterator[Sysvol]:
    with share() as opened:
        yield opened


def test_a_file_is_read(sysvol: Sysvol) -> None:
    content = sysvol.read(rf"{DEFAULT_POLICY}\GPT.INI")
    assert content is not None
    assert content.startswith(b"[General]")


@pytest.mark.parametrize(
    "path", [rf"{DEFAULT_POLICY}\Machine\nothing.pol", r"r2.local\Policies\{nothing}\GPT.INI"]
)
def test_a_file_that_is_not_there_is_none(sysvol: Sysvol, path: str) -> None:
    assert sysvol.read(path) is None


def test_a_file_larger_than_allowed_is_refused(sysvol: Sysvol) -> None:
    with pytest.raises(SysvolUnavailable, match="larger"):
        sysvol.read(rf"{DEFAULT_POLICY}\GPT.INI", limit=3)


def test_a_folder_is_not_a_file(sysvol: Sysvol) -> None:
    with pytest.raises(SysvolUnavailable):
        sysvol.read(DEFAULT_POLICY)


def test_a_controller_without_a_ticket_for_its_name_is_not_read(lab_domain: object) -> None:
    with pytest.raises(SysvolUnavailable, match="Kerberos ticket"), share(name="other.r2.local"):
        pass


def test_a_wrong_password_opens_nothing(lab_domain: object) -> None:
    with pytest.raises(SysvolUnavailable), share(password="wrong"):
        pass


def test_an_empty_password_sends_nothing(sockets: Sockets) -> None:
    with pytest.raises(SysvolUnavailable), share(password=""):
        pass
    assert sockets.contacts == []


def keytab_share(keytab: Path, name: str = "dc1.r2.local") -> Sysvol:
    return Sysvol(
        name,
        "127.0.10.1",
        principal=SERVICE_PRINCIPAL,
        keytab_file=str(keytab),
        connect_timeout_seconds=3,
        read_timeout_seconds=5,
    )


def test_a_keytab_opens_it_without_a_password_and_leaves_no_tickets_behind(
    lab_domain: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'tickets'}")
    with keytab_share(SERVICE_KEYTAB) as opened:
        assert opened.read(rf"{DEFAULT_POLICY}\GPT.INI")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"\x05\x02", b"no keytab"])
def test_a_keytab_that_holds_no_keys_opens_nothing(
    lab_domain: object, tmp_path: Path, content: bytes | None
) -> None:
    keytab = tmp_path / "reader.keytab"
    if content is not None:
        keytab.write_bytes(content)
    with pytest.raises(SysvolUnavailable, match="Kerberos ticket"), keytab_share(keytab):
        pass


def test_a_keytab_of_another_account_opens_nothing(lab_domain: object) -> None:
    other = LAB_DIR / "keytabs" / "XP191.keytab"
    with pytest.raises(SysvolUnavailable, match="Kerberos ticket"), keytab_share(other):
        pass


def test_a_keytab_is_not_shown_to_a_controller_of_another_name(lab_domain: object) -> None:
    with (
        pytest.raises(SysvolUnavailable, match="Kerberos ticket"),
        keytab_share(SERVICE_KEYTAB, name="other.r2.local"),
    ):
        pass


def test_a_controller_that_is_off_is_refused_in_time(lab_domain: object) -> None:
    before = time.monotonic()
    with pytest.raises(SysvolUnavailable, match="cannot be reached"), share(ip="127.0.10.99"):
        pass
    assert time.monotonic() - before < 5


def test_an_open_share_leaves_no_thread_behind(lab_domain: object) -> None:
    before = threading.active_count()
    for _ in range(3):
        with share() as opened:
            opened.read(rf"{DEFAULT_POLICY}\GPT.INI")
    assert threading.active_count() <= before
