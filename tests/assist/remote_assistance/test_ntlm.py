"""NTLM: only where it is allowed, never weaker than agreed, every answer verified."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.checks import run_checks

from assist.remote_assistance import contact, errors
from assist.remote_assistance.client import (
    CallLimits,
    KeytabCredential,
    LogonSession,
    Means,
    list_logon_sessions,
    start_remote_assistance,
)
from assist.remote_assistance.event_log import last_position, read_from
from assist.remote_assistance.ntlm import REQUIRED_FLAGS, ntlm_account
from lab.windows.ntlm import DNS_COMPUTER, NtlmContext
from tests.assist.remote_assistance.ntlm_computer import (
    ADDRESS,
    HOST,
    NT_HASH,
    NtlmComputer,
    credential,
    write_keytab,
)

LIMITS = CallLimits(connect_seconds=2, call_seconds=2, total_seconds=6)
BOB = LogonSession("R2", "bsmith", 1)
Computers = Callable[..., NtlmComputer]


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Computers]:
    """Makes a computer for which the domain has no ticket."""

    def no_ticket(*_: object) -> None:
        raise errors.NoTicketForComputer()

    monkeypatch.setattr(contact, "service_ticket", no_ticket)
    opened = []

    def make(kind: type[NtlmContext] = NtlmContext) -> NtlmComputer:
        serving = NtlmComputer(tmp_path, kind).serving()
        made = serving.__enter__()
        opened.append(serving)
        return made

    yield make
    for serving in opened:
        serving.__exit__(None, None, None)


def test_an_offer_by_ntlm_is_bound_to_the_computer_and_leaves_no_object(
    computer: Computers, tmp_path: Path
) -> None:
    novice = computer()
    means = Means()
    assert list_logon_sessions(novice.target, credential(tmp_path), LIMITS, means) == (BOB,)
    assert means == Means(ADDRESS, "NTLM", "IRASrv")
    assert start_remote_assistance(novice.target, credential(tmp_path), BOB, LIMITS, means)
    assert novice.exporter.live_objects == 0
    assert {one.target_name for one in novice.contexts} == {f"host/{HOST}"}
    assert all(one.has_integrity_code for one in novice.contexts)
    assert {one.caller.name for one in novice.contexts if one.caller} == {r"R2\svc-ra-portal"}


def test_without_the_setting_nothing_is_sent(computer: Computers, tmp_path: Path) -> None:
    novice = computer()
    refusing = credential(tmp_path, may_use_ntlm=False)
    with pytest.raises(errors.NoTicketForComputer):
        list_logon_sessions(novice.target, refusing, LIMITS)
    assert novice.contexts == []


@pytest.mark.parametrize(
    "error",
    [errors.AuthenticationFailed, errors.DirectoryUnreachable],
)
def test_only_a_missing_ticket_leads_to_ntlm(
    computer: Computers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[errors.RemoteAssistanceError],
) -> None:
    novice = computer()

    def fails(*_: object) -> None:
        raise error()

    monkeypatch.setattr(contact, "service_ticket", fails)
    with pytest.raises(error):
        list_logon_sessions(novice.target, credential(tmp_path), LIMITS)
    assert novice.contexts == []


def challenge_changed(change: Callable[[bytes], bytes]) -> type[NtlmContext]:
    class Changed(NtlmContext):
        answers: list[bytes] = []

        def step(self, token: bytes) -> bytes:
            if token[8:12] == b"\x03\0\0\0":
                self.answers.append(token)
            answer = super().step(token)
            return change(answer) if answer else answer

    return Changed


@pytest.mark.parametrize("flag", REQUIRED_FLAGS)
def test_a_challenge_that_offers_less_gets_no_response(
    computer: Computers, tmp_path: Path, flag: int
) -> None:
    def without(challenge: bytes) -> bytes:
        flags = int.from_bytes(challenge[20:24], "little") & ~flag
        return challenge[:20] + struct.pack("<I", flags) + challenge[24:]

    kind = challenge_changed(without)
    novice = computer(kind)
    with pytest.raises(errors.AuthenticationFailed, match=REQUIRED_FLAGS[flag]):
        list_logon_sessions(novice.target, credential(tmp_path), LIMITS)
    assert kind.answers == []  # type: ignore[attr-defined]


def test_a_computer_of_another_name_gets_no_response(computer: Computers, tmp_path: Path) -> None:
    def renamed(challenge: bytes) -> bytes:
        own, other = (name.encode("utf-16-le") for name in (HOST, "evil.r2.local"[: len(HOST)]))
        at = challenge.index(struct.pack("<HH", DNS_COMPUTER, len(own)) + own) + 4
        return challenge[:at] + other + challenge[at + len(own) :]

    kind = challenge_changed(renamed)
    novice = computer(kind)
    with pytest.raises(errors.AuthenticationFailed, match="calls itself"):
        list_logon_sessions(novice.target, credential(tmp_path), LIMITS)
    assert kind.answers == []  # type: ignore[attr-defined]


def test_a_challenge_without_a_time_gets_no_response(computer: Computers, tmp_path: Path) -> None:
    def timeless(challenge: bytes) -> bytes:
        at = challenge.index(b"\x07\x00\x08\x00")
        return challenge[:at] + b"\x0b\x00" + challenge[at + 2 :]

    novice = computer(challenge_changed(timeless))
    with pytest.raises(errors.AuthenticationFailed, match="no time"):
        list_logon_sessions(novice.target, credential(tmp_path), LIMITS)


def test_an_answer_with_a_wrong_signature_is_refused(computer: Computers, tmp_path: Path) -> None:
    class Forging(NtlmContext):
        def seal(self, before: bytes, stub: bytes, after: bytes) -> tuple[bytes, bytes]:
            sealed, code = super().seal(before, stub, after)
            return sealed, code[:4] + bytes(8) + code[12:]

    novice = computer(Forging)
    with pytest.raises(errors.BadAnswer, match="changed on its way"):
        list_logon_sessions(novice.target, credential(tmp_path), LIMITS)


def test_an_answer_changed_under_its_seal_is_refused(computer: Computers, tmp_path: Path) -> None:
    class Changing(NtlmContext):
        def seal(self, before: bytes, stub: bytes, after: bytes) -> tuple[bytes, bytes]:
            sealed, code = super().seal(before, stub, after)
            return sealed[:-1] + bytes((sealed[-1] ^ 1,)), code

    novice = computer(Changing)
    with pytest.raises(errors.BadAnswer, match="changed on its way"):
        list_logon_sessions(novice.target, credential(tmp_path), LIMITS)


def test_the_event_log_is_read_by_ntlm_where_offers_are_made_so(
    computer: Computers, tmp_path: Path
) -> None:
    novice = computer()
    before = last_position(novice.target, credential(tmp_path), LIMITS)
    assert (before.record_id, before.created_at) == (0, None)
    start_remote_assistance(novice.target, credential(tmp_path), BOB, LIMITS)
    reading = read_from(novice.target, credential(tmp_path), LIMITS, before)
    assert [record.event_id for record in reading.records] == [31, 13, 33]
    assert {one.target_name for one in novice.contexts} == {f"host/{HOST}"}
    assert all(one.has_integrity_code for one in novice.contexts)


def test_an_event_log_is_not_read_by_ntlm_without_the_setting(
    computer: Computers, tmp_path: Path
) -> None:
    novice = computer()
    with pytest.raises(errors.NoTicketForComputer):
        last_position(novice.target, credential(tmp_path, may_use_ntlm=False), LIMITS)
    assert novice.contexts == []


def test_an_event_log_with_a_wrong_signature_is_refused(
    computer: Computers, tmp_path: Path
) -> None:
    class Forging(NtlmContext):
        def seal(self, before: bytes, stub: bytes, after: bytes) -> tuple[bytes, bytes]:
            sealed, code = super().seal(before, stub, after)
            return sealed, code[:4] + bytes(8) + code[12:]

    novice = computer(Forging)
    with pytest.raises(errors.BadAnswer, match="changed on its way"):
        last_position(novice.target, credential(tmp_path), LIMITS)


def test_a_computer_that_does_not_know_the_account_s_key_is_refused(
    computer: Computers, tmp_path: Path
) -> None:
    novice = computer()
    keytab = write_keytab(tmp_path / "other", {23: bytes(16)})
    stranger = KeytabCredential("svc-ra-portal@R2.LOCAL", str(keytab), may_use_ntlm=True)
    with pytest.raises((errors.AuthenticationFailed, errors.AccessDenied)):
        list_logon_sessions(novice.target, stranger, LIMITS)


def test_a_downgrade_by_the_environment_is_refused(
    computer: Computers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    novice = computer()
    monkeypatch.setenv("LM_COMPAT_LEVEL", "1")
    with pytest.raises(errors.AuthenticationFailed, match="NTLMv1"):
        list_logon_sessions(novice.target, credential(tmp_path), LIMITS)


def test_the_hash_comes_from_the_keytab_and_is_never_shown(tmp_path: Path) -> None:
    account = ntlm_account(credential(tmp_path))
    assert account.nt_hash == NT_HASH
    assert NT_HASH.hex() not in repr(account)
    assert "nt_hash" not in repr(account)


def test_a_keytab_without_the_key_stops_the_start(tmp_path: Path, settings: LazySettings) -> None:
    settings.SERVICE_KEYTAB_FILE = str(write_keytab(tmp_path / "aes", {18: bytes(32)}))
    settings.SERVICE_NTLM_ALLOWED = True
    assert "assist.E009" in {found.id for found in run_checks()}
    settings.SERVICE_NTLM_ALLOWED = False
    assert "assist.E009" not in {found.id for found in run_checks()}
