"""Offers at computers whose answers are mutated, by a seed, at every step.

``python -m tests.assist.remote_assistance.fuzzed_novices --count 500 --seed 1`` runs by itself, so
that its memory is its own, and ends with one line of JSON: ``offers``, ``ends`` (how many ended
how), ``escaped`` (what left the client and is no error of its own), ``slowest_seconds``,
``peak_rss_mb``, ``steps`` (how many were mutated at each).
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import random
import socket
import struct
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from assist.remote_assistance import contact
from assist.remote_assistance.client import (
    CallLimits,
    KeytabCredential,
    LogonSession,
    NoviceTarget,
    list_logon_sessions,
    start_remote_assistance,
)
from assist.remote_assistance.connection_string import parse_connection_string
from assist.remote_assistance.errors import NoTicketForComputer, RemoteAssistanceError
from assist.remote_assistance.kerberos import ServiceTicket
from tests.assist.remote_assistance.fuzzed_ntlm import FuzzedNtlmComputer
from tests.assist.remote_assistance.ntlm_computer import credential as ntlm_credential
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
)

LIMITS = CallLimits(connect_seconds=0.5, call_seconds=0.4, total_seconds=1.0)
# The client's own total, the short time that a release has, and the scheduling of busy threads.
MOST_SECONDS = LIMITS.total_seconds + LIMITS.call_seconds + 1.5
THREADS = 6
NTLM_EVERY = 9  # one of so many offers is by NTLM
BOB = LogonSession("R2", "bsmith", 1)
STRING = (
    '<E><A KH="aGFzaA==" ID="identity"/><C><T ID="1" SID="1">'
    '<L P="50000" N="127.0.0.1"/></T></C></E>'
)
PCHSERVICE = UUID("833E4200-AFF7-4AC3-AAC2-9F24C1457BCE")
COLLECTION = UUID("833E4100-AFF7-4AC3-AAC2-9F24C1457BCE")
SESSION = UUID("833E41AA-AFF7-4AC3-AAC2-9F24C1457BCE")
IDISPATCH = UUID("00020400-0000-0000-c000-000000000046")
# Where an answer can be mutated: the bind of any connection, or the call of that number.
NEWER_STEPS: tuple[tuple[str, UUID, int], ...] = (
    ("activation", SCM, 4),
    ("GetSessionInfo", IRASRV, 8),
    ("GetNoviceUserInfo", IRASRV, 7),
    ("release", IREMUNKNOWN, 5),
)
OLDER_STEPS: tuple[tuple[str, UUID, int], ...] = (
    ("older activation", SCM, 4),
    ("RemoteUserSessionInfo", PCHSERVICE, 20),
    ("Count", COLLECTION, 9),
    ("Item", COLLECTION, 8),
    ("RemQueryInterface", IREMUNKNOWN, 3),
    ("SessionID", SESSION, 7),
    ("SessionState", SESSION, 9),
    ("DomainName", SESSION, 11),
    ("RemoteConnectionParms", PCHSERVICE, 19),
    ("older release", IREMUNKNOWN, 5),
)
NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0x400, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
STATUSES = (5, 0x6F7, 0x721, 0x1C010003, 0x1C010002, 0x80010105, 0x800706BE, 0, 0xFFFFFFFF)


def _text(value: str) -> bytes:
    data = value.encode("utf-16-le")
    head = struct.pack("<IIII", 0x72657355, len(data) // 2, len(data), len(data) // 2)
    return head + data + bytes(-len(data) % 4)


def _reference(interface: UUID, ipid: bytes) -> bytes:
    standard = struct.pack("<IIQQ16s", 0, 5, 7, 8, ipid)
    head = b"MEOW" + struct.pack("<I", 1) + interface.bytes_le + standard
    data = head + struct.pack("<HHHH", 2, 1, 0, 0)
    return struct.pack("<III", 0x20000, len(data), len(data)) + data


def honest_answers(*, older: bool) -> dict[tuple[UUID, int], bytes]:
    """What a computer that means well says to each call, activation apart."""
    if older:
        item = struct.pack("<IIIIHHHHI", 0x72657355, 0, 16, 0, 9, 0, 0, 0, 9)
        interfaces = struct.pack("<IIIIIIQQ16s", 0x20000, 1, 0, 0, 0, 5, 7, 9, b"\x44" * 16)
        return {
            (PCHSERVICE, 20): ORPC_THAT + _reference(COLLECTION, b"\x33" * 16) + bytes(4),
            (COLLECTION, 9): ORPC_THAT + struct.pack("<I", 2) + bytes(4),
            (COLLECTION, 8): ORPC_THAT + item + _reference(IDISPATCH, b"\x44" * 16) + bytes(4),
            (IREMUNKNOWN, 3): ORPC_THAT + interfaces + bytes(4),
            (SESSION, 7): ORPC_THAT + struct.pack("<I", 1) + bytes(4),
            (SESSION, 9): ORPC_THAT + struct.pack("<HH", 0, 0) + bytes(4),
            (SESSION, 11): ORPC_THAT + _text("R2") + bytes(4),
            (SESSION, 13): ORPC_THAT + _text("bsmith") + bytes(4),
            (PCHSERVICE, 19): ORPC_THAT
            + _text("65538,1,127.0.0.1:50000,*,identity,*,*,hash")
            + bytes(4),
        }
    name = "R2\\bsmith:1".encode("utf-16-le")
    array = struct.pack("<IIIHHIIII", 0x72657355, 1, 1, 1, 0x180, 4, 8 << 16, 8, 1)
    array += struct.pack("<IIiII", 0x20000, 1, 0, 1, 0x20004)
    array += struct.pack("<III", len(name) // 2, len(name), len(name) // 2) + name
    array += bytes(-len(array) % 4) + struct.pack("<I", 1)
    text = (STRING + "\0").encode("utf-16-le")
    string = struct.pack("<IIII", 0x20000, len(text) // 2, 0, len(text) // 2) + text
    string += bytes(-len(string) % 4)
    return {
        (IRASRV, 8): ORPC_THAT + array + bytes(4),
        (IRASRV, 7): ORPC_THAT + string + bytes(4),
    }


def mutated(chance: random.Random, data: bytes) -> bytes:
    """The bytes with something wrong in them."""
    kind = chance.randrange(8)
    at = chance.randrange(len(data)) if data else 0
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data + chance.randbytes(chance.choice((1, 7, 64, 4096, 60_000)))
    if kind == 2:
        return data[:at] + chance.randbytes(chance.randrange(1, 9)) + data[at + 8 :]
    if kind in (3, 4, 5):  # a count, a length, a referent or a number
        at &= ~3
        number = chance.choice((*NUMBERS, chance.getrandbits(32)))
        return data[:at] + struct.pack("<I", number) + data[at + 4 :]
    if kind == 6:
        return chance.randbytes(chance.choice((0, 3, 16, 200, 5000)))
    return data[:at] + data[at : at + 64] * chance.randrange(2, 50) + data[at:]


@dataclass
class Mutation:
    """One thing that a computer does wrong, at one step, from the nth time it comes to it on."""

    seed: int
    older: bool
    step: str
    place: tuple[UUID, int] | None  # None: the bind
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, call: Call, honest: bytes) -> bytes:
        """What the computer says to a call instead; may raise what a script raises."""
        if (call.interface, call.operation) != self.place:
            return honest
        with self.lock:
            self.done += 1
        chance = random.Random(f"{self.seed} {self.done}")
        kind = chance.randrange(100)
        if kind < 3:
            raise Hangs
        if kind < 10:
            raise HangsUp
        if kind < 20:
            raise Refused(chance.choice((*STATUSES, chance.getrandbits(32))))
        if kind < 30:
            return ORPC_THAT + bytes(4) + struct.pack("<I", chance.getrandbits(32) | 0x80000000)
        return mutated(chance, honest)


class FuzzedComputer(ScriptedComputer):
    """A scripted computer with one mutation in what it says or in how it says it."""

    def __init__(self, mutation: Mutation) -> None:
        self.mutation = mutation
        chance = random.Random(f"wire {mutation.seed}")
        self._wire = mutation.place is None or chance.random() < 0.25
        honest = honest_answers(older=mutation.older)
        answers: dict[tuple[UUID, int], Callable[[Call], bytes]] = {
            place: lambda call, stub=stub: self._say(call, stub) for place, stub in honest.items()
        }
        answers[(SCM, 4)] = self._activate
        answers[(IREMUNKNOWN, 5)] = lambda call: self._say(call, ORPC_THAT + bytes(4))
        super().__init__(answers=answers, on_packet=self._on_packet)

    def _say(self, call: Call, honest: bytes) -> bytes:
        return honest if self._wire else self.mutation.answer(call, honest)

    def _activate(self, call: Call) -> bytes:
        is_newer_class = UUID("3C3A70A7-A468-49B9-8ADA-28E11FCCAD5D").bytes_le in call.stub
        if self.mutation.older and is_newer_class:
            return activation_answer([f"127.0.0.1[{self.port}]"], hresult=0x80040154)
        return self._say(call, activation_answer([f"127.0.0.1[{self.port}]"]))

    def _on_packet(self, call: Call, packet: bytes) -> bytes:
        """Mutates the sealed packet, not what is sealed in it."""
        if not self._wire or (call.interface, call.operation) != self.mutation.place:
            return packet
        return mutated(random.Random(f"packet {self.mutation.seed}"), packet)

    def on_acknowledgement(self, packet: bytes) -> bytes:
        if self.mutation.place is not None:
            return packet
        with self.mutation.lock:
            self.mutation.done += 1
        chance = random.Random(f"bind {self.mutation.seed} {self.mutation.done}")
        if chance.random() < 0.4:  # the mutation is of a later connection than this
            return packet
        kind = chance.randrange(20)
        if kind == 0:
            raise Hangs
        if kind == 1:
            raise HangsUp
        return mutated(chance, packet)

    def on_sending(self, peer: socket.socket, packet: bytes) -> None:
        """Sends, now and then drop by drop, or breaks off in the middle."""
        chance = random.Random(f"pace {self.mutation.seed}")
        pace = chance.random()
        if pace < 0.03:
            for byte in packet:
                peer.sendall(bytes((byte,)))
                time.sleep(0.02)
        elif pace < 0.06:
            peer.sendall(packet[: len(packet) // 2])
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise HangsUp  # closes with a reset
        else:
            peer.sendall(packet)


def mutation_of(seed: int) -> Mutation:
    chance = random.Random(f"which {seed}")
    older = chance.random() < 0.4
    steps = OLDER_STEPS if older else NEWER_STEPS
    if chance.random() < 0.15:
        return Mutation(seed, older, "bind", None)
    name, interface, operation = chance.choice(steps)
    return Mutation(seed, older, name, (interface, operation))


_tickets = threading.local()


def _ticket(*_: object) -> ServiceTicket:
    computer: ScriptedComputer | None = _tickets.computer
    if computer is None:
        raise NoTicketForComputer()
    return computer.ticket()


@dataclass(frozen=True)
class Result:
    """One offer at one mutated computer.

    Attributes:
        step: What was mutated.
        end: How it ended.
        seconds: The slower of its two contacts.
        escaped: What left the client and is no error of its own, or nothing.
    """

    step: str
    end: str
    seconds: float
    escaped: str


def offer(seed: int) -> Result:
    """One offer by Kerberos."""
    mutation = mutation_of(seed)
    computer = FuzzedComputer(mutation)
    _tickets.computer = computer
    target = NoviceTarget("xp191.r2.local", ADDRESS, computer.port)
    credential = KeytabCredential("svc-ra-portal@R2.LOCAL", "none")
    try:
        return _offer_at(target, credential, mutation.step, seed)
    finally:
        computer.close()


def offer_by_ntlm(seed: int) -> Result:
    """One offer by NTLM."""
    _tickets.computer = None
    with TemporaryDirectory() as name:
        computer = FuzzedNtlmComputer(Path(name), seed, mutated)
        with computer.serving():
            return _offer_at(computer.target, ntlm_credential(Path(name)), computer.step, seed)


def _offer_at(target: NoviceTarget, credential: KeytabCredential, step: str, seed: int) -> Result:
    escaped, slowest, end = "", 0.0, "offered"
    for act in (
        lambda: list_logon_sessions(target, credential, LIMITS),
        lambda: parse_connection_string(
            start_remote_assistance(target, credential, BOB, LIMITS)
        ).to_version_1(),
    ):
        began = time.monotonic()
        try:
            act()
        except RemoteAssistanceError as error:
            end = error.code
        except Exception:
            escaped = f"seed {seed}, {step}:\n{traceback.format_exc()}"
        slowest = max(slowest, time.monotonic() - began)
    return Result(step, end, slowest, escaped)


def run(count: int, seed: int) -> dict[str, object]:
    contact.service_ticket = _ticket
    contact.log.setLevel("ERROR")
    seeds = range(seed * 1_000_000, seed * 1_000_000 + count)
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(
            pool.map(lambda one: offer(one) if one % NTLM_EVERY else offer_by_ntlm(one), seeds)
        )
    escaped = [one.escaped for one in results if one.escaped]
    return {
        "offers": len(results),
        "ends": dict(Counter(one.end for one in results).most_common()),
        "steps": dict(Counter(one.step for one in results)),
        "escaped": escaped[:5],
        "slowest_seconds": round(max(one.seconds for one in results), 2),
        "peak_rss_mb": _peak_rss_mb(),
    }


def _peak_rss_mb() -> int:
    """Of this program alone: getrusage also counts the process that it was started from."""
    (line,) = (
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    )
    return int(line.split()[1]) // 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    # A hang would otherwise say nothing of where.
    faulthandler.dump_traceback_later(120 + arguments.count, exit=True)
    print(json.dumps(run(arguments.count, arguments.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
