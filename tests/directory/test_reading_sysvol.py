"""Files of the lab's SYSVOL, over SMB with Kerberos; and controllers that are not believed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from directory.configuration import connection_settings
from directory.grouppolicy.sysvol import Sysvol, SysvolUnavailable
from tests.fixtures_directory import Sockets

pytestmark = pytest.mark.lab
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
