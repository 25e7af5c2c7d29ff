"""Asks a computer's object exporter whether it is there, without credentials and activation.

ServerAlive2 of IObjectExporter ([MS-DCOM] 3.1.2.5.1.6) is answered to anybody and starts nothing.
The challenge of an NTLM bind that is never completed tells the computer's name and clock
([MS-NLMP] 2.2.1.2, 2.2.2.1). PDUs: [C706] chapter 12, [MS-RPCE] 2.2.2.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.ndr import Reader

PORT = 135
IOBJECT_EXPORTER = UUID("99fcfec4-5260-101b-bbcb-00aa0021347a")
NDR = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
SERVER_ALIVE_2 = 5
LARGEST_FRAGMENT = 5840  # bytes; what Windows offers over TCP
MOST_BINDINGS = 256  # a computer lists each of its names and addresses once
REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK = 0, 2, 3, 11, 12, 13
TCP_TOWER = 7
ACCEPTANCE = 0
WINNT, CONNECT_LEVEL = 10, 2
SIGNATURE = b"NTLMSSP\0"
# Unicode, target, NTLM, always sign, extended security, target information, 128 and 56 bits.
NEGOTIATE_FLAGS = 0xA0888205
DNS_COMPUTER_NAME, TIMESTAMP, END_OF_LIST = 3, 7, 0
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
UNSPECIFIED_FAULT = 0x1C010003


@dataclass(frozen=True)
class ExporterAnswer:
    """What port 135 said.

    Attributes:
        is_connected: A TCP connection came about.
        is_answering: An RPC server answered ServerAlive2, be it by a refusal.
        sentence: What went wrong; empty where nothing did.
        refusal: The status of the fault by which it refused, or None.
        host_names: The names and addresses by which it says it can be reached.
        dns_name: The name its NTLM challenge gives; empty where it gave none.
        clock_skew: How far its clock is ahead of ours; None: it did not say.
    """

    is_connected: bool = False
    is_answering: bool = False
    sentence: str = ""
    refusal: int | None = None
    host_names: tuple[str, ...] = ()
    dns_name: str = ""
    clock_skew: timedelta | None = None


@dataclass(frozen=True)
class Challenge:
    """What an NTLM challenge tells of the computer."""

    dns_name: str = ""
    clock: datetime | None = None


class _Refused(Exception):
    """An RPC fault or a refused bind, with its status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"0x{status:08X}")
        self.status = status


def ask_exporter(
    address: str, *, seconds: float, port: int = PORT, with_challenge: bool = True
) -> ExporterAnswer:
    """Looks whether a computer's object exporter answers. Nothing is activated there.

    Args:
        address: The IP address to connect to.
        seconds: How long each of the two connections may take.
        port: The port of its RPC endpoint mapper.
        with_challenge: Ask for its name and clock too, by a second connection.
    """
    answer = _alive(address, port, seconds)
    if not answer.is_answering or not with_challenge:
        return answer
    try:
        challenge, asked_at, took = _challenge(address, port, seconds)
    except (OSError, _Refused, BadAnswer):
        return answer  # a computer may refuse NTLM; then its clock is not known
    skew = None
    if challenge.clock is not None:
        skew = challenge.clock - (asked_at + took / 2)
    return replace(answer, dns_name=challenge.dns_name, clock_skew=skew)


def _alive(address: str, port: int, seconds: float) -> ExporterAnswer:
    where = f"{address}, TCP port {port}"
    try:
        with _Wire(address, port, seconds) as wire:
            try:
                wire.bind(IOBJECT_EXPORTER)
                names = parse_server_alive_2(wire.call(SERVER_ALIVE_2))
            except TimeoutError:
                said = f"{where} takes connections and answers nothing."
                return ExporterAnswer(is_connected=True, sentence=said)
            except OSError:
                said = f"{where} takes connections and closes them without an answer."
                return ExporterAnswer(is_connected=True, sentence=said)
            except BadAnswer as error:
                said = f"What answers at {where} is no object exporter: {error.sentence}"
                return ExporterAnswer(is_connected=True, sentence=said)
            except _Refused as refused:
                said = f"{where} refuses to say whether it is alive (0x{refused.status:08X})."
                return ExporterAnswer(
                    is_connected=True, is_answering=True, sentence=said, refusal=refused.status
                )
    except TimeoutError:
        return ExporterAnswer(sentence=f"Nothing answers at {where} within {seconds:g} s.")
    except ConnectionRefusedError:
        return ExporterAnswer(sentence=f"{where} refuses connections.")
    except OSError as error:
        said = f"There is no way to {where}: {error.strerror or error}."
        return ExporterAnswer(sentence=said)
    return ExporterAnswer(is_connected=True, is_answering=True, host_names=names)


def _challenge(address: str, port: int, seconds: float) -> tuple[Challenge, datetime, timedelta]:
    with _Wire(address, port, seconds) as wire:
        asked_at, began = datetime.now(UTC), time.monotonic()
        token = wire.bind(IOBJECT_EXPORTER, credentials=pack_negotiate())
        took = timedelta(seconds=time.monotonic() - began)
    return parse_challenge(token), asked_at, took


class _Wire:
    """One connection, whole fragments at a time, with a deadline for all of it."""

    def __init__(self, address: str, port: int, seconds: float) -> None:
        self._place = (address, port)
        self._ends_at = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._call_id = 0

    def __enter__(self) -> _Wire:
        self._socket = socket.create_connection(self._place, self._left())
        return self

    def __exit__(self, *error: object) -> None:
        if self._socket is not None:
            self._socket.close()

    def bind(self, interface: UUID, credentials: bytes = b"") -> bytes:
        """Binds to version 0.0 of an interface; returns the credentials of the answer."""
        kind, packet = self._exchange(BIND, pack_bind_body(interface), credentials)
        if kind == BIND_NAK:
            raise _Refused(UNSPECIFIED_FAULT)
        if kind != BIND_ACK:
            raise BadAnswer(f"It answered a bind with a packet of type {kind}.")
        if not credentials:
            require_accepted(packet)
            return b""
        size = int.from_bytes(packet[10:12], "little")
        if not size or size + 24 > len(packet):
            raise BadAnswer("It answered a bind without credentials.")
        return packet[len(packet) - size :]

    def call(self, operation: int) -> bytes:
        """A call without arguments; returns the stub of the answer."""
        kind, packet = self._exchange(REQUEST, struct.pack("<IHH", 0, 0, operation))
        if kind != RESPONSE or len(packet) < 24:
            raise BadAnswer(f"It answered a call with a packet of type {kind}.")
        if not packet[3] & 0x02:
            raise BadAnswer("It answered in several fragments.")
        return packet[24:]

    def _exchange(self, kind: int, body: bytes, credentials: bytes = b"") -> tuple[int, bytes]:
        self._call_id += 1
        trailer = b""
        if credentials:
            trailer = bytes(-len(body) % 4) + struct.pack(
                "<BBBBI", WINNT, CONNECT_LEVEL, -len(body) % 4, 0, 1
            )
        length = 16 + len(body) + len(trailer) + len(credentials)
        header = struct.pack(
            "<BBBBIHHI", 5, 0, kind, 3, 0x10, length, len(credentials), self._call_id
        )
        self._connected().sendall(header + body + trailer + credentials)
        answer = self._exactly(16)
        size = int.from_bytes(answer[8:10], "little")
        if answer[0] != 5 or not 16 <= size <= LARGEST_FRAGMENT:
            raise BadAnswer("Its answer is no RPC packet.")
        packet = answer + self._exactly(size - 16)
        if packet[2] == FAULT:
            status = int.from_bytes(packet[24:28], "little") if len(packet) >= 28 else 0
            raise _Refused(status)
        return packet[2], packet

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            received = self._connected().recv(count - len(parts))
            if not received:
                raise ConnectionResetError
            parts += received
        return bytes(parts)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise RuntimeError("not connected")
        self._socket.settimeout(self._left())
        return self._socket

    def _left(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def pack_bind_body(interface: UUID, version: tuple[int, int] = (0, 0)) -> bytes:
    """One presentation context: an interface in NDR."""
    sizes = struct.pack("<HHI", LARGEST_FRAGMENT, LARGEST_FRAGMENT, 0)
    context = struct.pack("<BxxxHBx16sHH", 1, 0, 1, interface.bytes_le, *version)
    return sizes + context + struct.pack("<16sI", NDR.bytes_le, 2)


def require_accepted(packet: bytes) -> None:
    """Checks that a bind_ack accepts the one context that was offered.

    Raises:
        BadAnswer: It does not, or is malformed.
    """
    reader = Reader(packet)
    reader.take(24)
    reader.take(reader.u16())  # the secondary address
    reader.align(4)
    if reader.take(4)[0] != 1:
        raise BadAnswer("It accepts another number of contexts than was offered.")
    if reader.u16() != ACCEPTANCE:
        raise BadAnswer("It does not know the interface of object exporters.")


def parse_server_alive_2(stub: bytes) -> tuple[str, ...]:
    """The names and addresses of the TCP bindings in ServerAlive2's answer, without ports.

    Raises:
        BadAnswer: It is malformed.
    """
    reader = Reader(stub)
    reader.take(4)  # COMVERSION
    names: list[str] = []
    if reader.u32():
        entries, count, security = reader.u32(), reader.u16(), reader.u16()
        if count > entries or security > count:
            raise BadAnswer("Its list of bindings contradicts itself.")
        words = struct.unpack(f"<{security}H", reader.take(2 * security))
        names = _names(words)
        reader.take(2 * (entries - security))
        reader.align(4)
    return tuple(dict.fromkeys(names))


def _names(words: tuple[int, ...]) -> list[str]:
    """STRINGBINDINGs ([MS-DCOM] 2.2.19.3): each a tower and a text that ends with a null."""
    found: list[str] = []
    at = 0
    while at < len(words) and words[at] and len(found) < MOST_BINDINGS:
        end = at + 1
        while end < len(words) and words[end]:
            end += 1
        text = struct.pack(f"<{end - at - 1}H", *words[at + 1 : end])
        name = text.decode("utf-16-le", errors="replace").partition("[")[0]
        if words[at] == TCP_TOWER and name and name.isprintable():
            found.append(name[:255])
        at = end + 1
    return found


def pack_negotiate() -> bytes:
    """An NTLM NEGOTIATE_MESSAGE without names ([MS-NLMP] 2.2.1.1)."""
    return SIGNATURE + struct.pack("<II16x8x", 1, NEGOTIATE_FLAGS)


def parse_challenge(token: bytes) -> Challenge:
    """The computer's DNS name and time in a CHALLENGE_MESSAGE ([MS-NLMP] 2.2.1.2).

    Raises:
        BadAnswer: It is none, or malformed.
    """
    if len(token) < 48 or token[:8] != SIGNATURE or token[8:12] != b"\x02\0\0\0":
        raise BadAnswer("It answered with no NTLM challenge.")
    size, _, offset = struct.unpack_from("<HHI", token, 40)
    if offset + size > len(token):
        raise BadAnswer("Its NTLM challenge ends too early.")
    reader = Reader(token[offset : offset + size])
    name, clock = "", None
    left = size
    while left >= 4:
        kind, length = struct.unpack("<HH", reader.take(4))
        value = reader.take(length)
        left -= 4 + length
        if kind == END_OF_LIST:
            break
        if kind == DNS_COMPUTER_NAME:
            text = value.decode("utf-16-le", errors="replace")
            name = text[:255] if text.isprintable() else ""
        elif kind == TIMESTAMP and length == 8:
            clock = _time(int.from_bytes(value, "little"))
    return Challenge(name, clock)


def _time(ticks: int) -> datetime | None:
    """A FILETIME ([MS-DTYP] 2.3.3); None where no calendar has it."""
    try:
        return EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None
