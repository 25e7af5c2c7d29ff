"""What the client makes of a computer that authenticates and then fails at one step."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator

import pytest

from assist.remote_assistance import contact, errors, ndr
from assist.remote_assistance.client import (
    CallLimits,
    KeytabCredential,
    LogonSession,
    NoviceTarget,
    list_logon_sessions,
    start_remote_assistance,
)
from tests.assist.remote_assistance.scripted_computer import (
    ADDRESS,
    IRASRV,
    IREMUNKNOWN,
    ORPC_THAT,
    SCM,
    Call,
    Hangs,
    HangsUp,
    Refused,
    ScriptedComputer,
    activation_answer,
    packet_without_seal,
)

GET_NOVICE_USER_INFO = (IRASRV, 7)
GET_SESSION_INFO = (IRASRV, 8)
REM_RELEASE = (IREMUNKNOWN, 5)
CREATE_INSTANCE = (SCM, 4)
LIMITS = CallLimits(connect_seconds=1, call_seconds=0.5, total_seconds=3)
BOB = LogonSession("R2", "bsmith", 7)
TEXT = "<E/>"

Script = Callable[[Call], bytes]
Computers = Callable[..., ScriptedComputer]


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Computers]:
    """Makes one scripted computer, for which the domain gives tickets."""
    made: list[ScriptedComputer] = []

    def make(**script: object) -> ScriptedComputer:
        scripted = ScriptedComputer(**script)  # type: ignore[arg-type]
        made.append(scripted)
        monkeypatch.setattr(contact, "service_ticket", lambda *_: scripted.ticket())
        return scripted

    yield make
    for scripted in made:
        scripted.close()


def listing(scripted: ScriptedComputer, limits: CallLimits = LIMITS) -> tuple[LogonSession, ...]:
    return list_logon_sessions(*_contact(scripted), limits)


def starting(scripted: ScriptedComputer, limits: CallLimits = LIMITS) -> str:
    return start_remote_assistance(*_contact(scripted), BOB, limits)


def _contact(scripted: ScriptedComputer) -> tuple[NoviceTarget, KeytabCredential]:
    target = NoviceTarget("xp191.r2.local", ADDRESS, scripted.port)
    return target, KeytabCredential("svc-ra-portal@R2.LOCAL", "/nonexistent")


def refuses(error: Exception) -> Script:
    def answer(_: Call) -> bytes:
        raise error

    return answer


def gives(stub: bytes) -> Script:
    return lambda _: stub


def novice_user_info(text: str = TEXT, hresult: int = 0) -> bytes:
    characters = len(text) + 1
    stub = ORPC_THAT + struct.pack("<IIII", 0x20000, characters, 0, characters)
    stub += (text + "\0").encode("utf-16-le")
    return stub + bytes(-len(stub) % 4) + struct.pack("<I", hresult)


def failing(hresult: int) -> bytes:
    return ORPC_THAT + struct.pack("<II", 0, hresult)


def session_info(texts: list[str | None], *, referents: int = 2, hresult: int = 0) -> bytes:
    head = (
        struct.pack("<II", ndr.USER_REFERENT, 1) if referents == 2 else struct.pack("<I", 0x20000)
    )
    count = len(texts)
    stub = ORPC_THAT + head + struct.pack("<IHHIIII", 1, 1, 0x180, 4, 8 << 16, 8, count)
    stub += struct.pack("<IIiI", 0x20004, count, 0, count)
    stub += b"".join(struct.pack("<I", 0 if text is None else 0x20008) for text in texts)
    for text in texts:
        if text is not None:
            encoded = text.encode("utf-16-le")
            stub += struct.pack("<III", len(text), len(encoded), len(text)) + encoded
            stub += bytes(-len(stub) % 4)
    return stub + struct.pack("<iI", count, hresult)


def test_a_whole_contact_starts_in_the_chosen_session_and_releases(computer: Computers) -> None:
    scripted = computer(answers={GET_NOVICE_USER_INFO: gives(novice_user_info())})
    assert starting(scripted) == TEXT
    assert scripted.operations() == [CREATE_INSTANCE, GET_NOVICE_USER_INFO, REM_RELEASE]
    assert struct.pack("<II", BOB.session_id, 1) in scripted.calls[0].stub


def test_the_other_form_of_the_array_is_sent_to_a_computer_that_refuses_the_first(
    computer: Computers,
) -> None:
    def takes_one_referent(call: Call) -> bytes:
        if call.stub[32:36] == struct.pack("<I", ndr.USER_REFERENT):
            raise Refused(errors.BAD_STUB_DATA)
        return session_info([r"R2\bsmith:1"], referents=1)

    scripted = computer(answers={GET_SESSION_INFO: takes_one_referent})
    assert listing(scripted) == (LogonSession("R2", "bsmith", 1),)


@pytest.mark.parametrize("head", [struct.pack("<I", 0), struct.pack("<II", ndr.USER_REFERENT, 0)])
def test_no_array_at_all_means_nobody(computer: Computers, head: bytes) -> None:
    scripted = computer(answers={GET_SESSION_INFO: gives(ORPC_THAT + head + bytes(8))})
    assert listing(scripted) == ()


@pytest.mark.parametrize("head", [struct.pack("<I", 0), struct.pack("<II", ndr.USER_REFERENT, 0)])
def test_a_refusal_behind_no_array_is_not_taken_for_nobody(
    computer: Computers, head: bytes
) -> None:
    stub = ORPC_THAT + head + struct.pack("<II", 0, 0x80070005)
    with pytest.raises(errors.AccessDenied):
        listing(computer(answers={GET_SESSION_INFO: gives(stub)}))


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (gives(failing(0x80070005)), errors.AccessDenied),
        (gives(failing(0x80070052)), errors.Busy),
        (gives(failing(0x8000401A)), errors.NoSuchSession),
        (gives(failing(0x800704EC)), errors.DisabledByPolicy),
        (refuses(Refused(5)), errors.AccessDenied),
        (refuses(Refused(0x1C010003)), errors.ProtocolUnsupported),
    ],
)
def test_a_refusal_proves_that_nothing_was_started(
    computer: Computers, script: Script, error: type[errors.RemoteAssistanceError]
) -> None:
    scripted = computer(answers={GET_NOVICE_USER_INFO: script})
    with pytest.raises(error) as refused:
        starting(scripted)
    assert not refused.value.may_have_started
    assert scripted.operations()[-1] == REM_RELEASE


def _changed(_: Call, packet: bytes) -> bytes:
    return packet[:30] + bytes([packet[30] ^ 1]) + packet[31:]


def _only(operation: tuple[object, int], change: Callable[[Call, bytes], bytes]) -> object:
    def on_packet(call: Call, packet: bytes) -> bytes:
        return change(call, packet) if (call.interface, call.operation) == operation else packet

    return on_packet


@pytest.mark.parametrize(
    ("script", "change", "error"),
    [
        (refuses(HangsUp()), None, errors.Unreachable),
        (refuses(Hangs()), None, errors.TimedOut),
        (refuses(Refused(0x6BE)), None, errors.NoviceError),  # RPC_S_CALL_FAILED
        (refuses(Refused(0x1C000008)), None, errors.NoviceError),
        (gives(failing(0x80010105)), None, errors.NoviceError),  # RPC_E_SERVERFAULT
        (gives(failing(0x8007000E)), None, errors.NoviceError),  # E_OUTOFMEMORY
        (gives(b""), None, errors.BadAnswer),
        (gives(b"\xff" * 40), None, errors.BadAnswer),
        (gives(novice_user_info("")), None, errors.BadAnswer),
        (
            gives(ORPC_THAT + struct.pack("<IIII", 1, 0x7FFFFFFF, 0, 0x7FFFFFFF)),
            None,
            errors.BadAnswer,
        ),
        (gives(novice_user_info()), _changed, errors.BadAnswer),
        (
            gives(novice_user_info()),
            lambda _, packet: packet_without_seal(packet, novice_user_info()),
            errors.BadAnswer,
        ),
    ],
)
def test_whatever_else_follows_the_request_may_have_started_it(
    computer: Computers,
    script: Script,
    change: Callable[[Call, bytes], bytes] | None,
    error: type[errors.RemoteAssistanceError],
) -> None:
    keep = {"on_packet": _only(GET_NOVICE_USER_INFO, change)} if change else {}
    scripted = computer(answers={GET_NOVICE_USER_INFO: script}, **keep)
    with pytest.raises(error) as failed:
        starting(scripted)
    assert failed.value.may_have_started
    assert scripted.operations()[-1] == REM_RELEASE


@pytest.mark.parametrize(
    "script",
    [
        {"answers": {CREATE_INSTANCE: refuses(HangsUp())}},
        {"answers": {CREATE_INSTANCE: gives(b"\xab" * 100)}},
        {"answers": {CREATE_INSTANCE: gives(failing(0x80070005))}},
        {"bind_fault": 5},
        {"bindings": ("127.0.0.1[0]",)},
    ],
)
def test_what_fails_before_the_request_has_started_nothing(
    computer: Computers, script: dict[str, object]
) -> None:
    scripted = computer(**script)
    with pytest.raises(errors.RemoteAssistanceError) as failed:
        starting(scripted)
    assert not failed.value.may_have_started
    assert GET_NOVICE_USER_INFO not in scripted.operations()


@pytest.mark.parametrize("status", [5, 0x721])
def test_a_ticket_not_accepted_is_no_question_of_the_helper_list(
    computer: Computers, status: int
) -> None:
    with pytest.raises(errors.AuthenticationFailed):
        listing(computer(bind_fault=status))


def test_the_object_is_released_when_the_contact_has_used_up_its_time(
    computer: Computers,
) -> None:
    scripted = computer(answers={GET_NOVICE_USER_INFO: refuses(Hangs())})
    with pytest.raises(errors.TimedOut):
        starting(scripted, CallLimits(connect_seconds=1, call_seconds=0.5, total_seconds=0.5))
    assert scripted.operations()[-1] == REM_RELEASE


def test_a_release_that_is_not_answered_does_not_hide_the_connection_string(
    computer: Computers,
) -> None:
    scripted = computer(
        answers={
            GET_NOVICE_USER_INFO: gives(novice_user_info()),
            REM_RELEASE: refuses(Hangs()),
        }
    )
    assert starting(scripted) == TEXT


def test_only_the_computer_itself_is_called_whatever_it_names(computer: Computers) -> None:
    elsewhere = computer(answers={})
    scripted = computer(
        answers={
            GET_SESSION_INFO: gives(session_info([])),
            CREATE_INSTANCE: lambda _: activation_answer([f"203.0.113.9[{scripted.port}]"]),
        }
    )
    assert listing(scripted) == ()
    assert elsewhere.connections == 0
    assert scripted.connections == 3


def test_endless_fragments_end_with_the_call(computer: Computers) -> None:
    def first_fragments_only(_: Call, packet: bytes) -> bytes:
        return (packet[:3] + b"\x01" + packet[4:]) * 400

    scripted = computer(
        answers={GET_SESSION_INFO: gives(session_info([r"R2\bsmith:1"] * 60))},
        on_packet=_only(GET_SESSION_INFO, first_fragments_only),
    )
    began = time.monotonic()
    with pytest.raises((errors.BadAnswer, errors.TimedOut)):
        listing(scripted)
    assert time.monotonic() - began < LIMITS.total_seconds
