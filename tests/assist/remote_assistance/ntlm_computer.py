"""A simulated computer of the lab that authenticates by NTLM alone, without a domain."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from assist.remote_assistance.client import KeytabCredential, NoviceTarget
from lab import world
from lab.windows import pdu
from lab.windows.activator import Activator
from lab.windows.answers import Script
from lab.windows.calls import CallRecorder
from lab.windows.certificate import key_hashes
from lab.windows.computer import Computer
from lab.windows.event_service import EventService
from lab.windows.events import EventLog
from lab.windows.exporter import ObjectExporter
from lab.windows.journal import Journal
from lab.windows.listeners import listen_dynamically
from lab.windows.novice import Timing
from lab.windows.ntlm import NtlmAccount, NtlmContext
from lab.windows.policy import Policy
from lab.windows.rpc_server import RpcConnection, Service
from lab.windows.security import SecurityContext

NT_HASH = bytes(range(16))
SID = "S-1-5-21-1-2-3-1104"
PRINCIPAL = "svc-ra-portal@R2.LOCAL"
ADDRESS = "127.0.0.1"
DESCRIPTION = world.Computer(
    "NTPC",
    "Winnipeg",
    "Windows 11 Enterprise",
    "10.0",
    1,
    "normal",
    logged_on=(world.LoggedOn("bsmith", 1),),
)
HOST = "ntpc.r2.local"


def write_keytab(file: Path, keys: dict[int, bytes], principal: str = PRINCIPAL) -> Path:
    """A keytab of version 0x0502 with one key for each encryption type."""
    name, _, realm = principal.partition("@")
    entries = b"\x05\x02"
    for kind, key in keys.items():
        entry = struct.pack(">HH", 1, len(realm)) + realm.encode()
        entry += struct.pack(">H", len(name)) + name.encode()
        entry += struct.pack(">IIBHH", 1, 0, 3, kind, len(key)) + key
        entries += struct.pack(">i", len(entry)) + entry
    file.write_bytes(entries)
    return file


def credential(folder: Path, *, may_use_ntlm: bool = True) -> KeytabCredential:
    keytab = write_keytab(folder / "keytab", {18: bytes(32), 23: NT_HASH})
    return KeytabCredential(PRINCIPAL, str(keytab), may_use_ntlm)


class _Authenticator:
    def __init__(self, make: Callable[[], NtlmContext]) -> None:
        self.contexts: list[NtlmContext] = []
        self._make = make

    def context(self, kind: int) -> SecurityContext | None:
        if kind != pdu.AUTHENTICATION_NTLM:
            return None
        self.contexts.append(self._make())
        return self.contexts[-1]


class NtlmComputer:
    """Serves on a thread of its own.

    Args:
        folder: For its files.
        kind: Its security context; tests bring one that breaks a rule.
    """

    def __init__(self, folder: Path, kind: type[NtlmContext] = NtlmContext) -> None:
        accounts = {"svc-ra-portal": NtlmAccount(NT_HASH, SID, frozenset())}
        self._authenticator = _Authenticator(lambda: kind(HOST, "R2", lambda: 0.0, accounts))
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self.port = 0

    @property
    def contexts(self) -> list[NtlmContext]:
        return self._authenticator.contexts

    @property
    def target(self) -> NoviceTarget:
        return NoviceTarget(HOST, ADDRESS, self.port)

    @contextmanager
    def serving(self) -> Iterator[NtlmComputer]:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(10)
            self._loop.close()

    async def _start(self) -> None:
        self._computer = Computer(
            description=DESCRIPTION,
            policy=Policy(True, True, frozenset({SID})),
            sids={},
            event_log=EventLog(
                HOST, self._folder / "events.jsonl", self._folder / "collector.json"
            ),
            script_file=self._folder / "answer.json",
            timing=Timing(),
            key_hashes=key_hashes(None),
            connected=lambda *_: None,
        )
        journal = Journal(self._folder / "calls.jsonl")
        exporter = ObjectExporter(self._computer, journal)
        self.exporter = exporter
        inner, exporter.port = await listen_dynamically(partial(self._serve, exporter), ADDRESS)
        service = EventService(
            self._computer.event_log, Script, frozenset({SID}), CallRecorder("NTPC", journal)
        )
        logs, log_port = await listen_dynamically(partial(self._serve, service), ADDRESS)
        outer, self.port = await listen_dynamically(
            partial(self._serve, Activator(exporter, service, log_port)), ADDRESS
        )
        self._servers = (inner, outer, logs)

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        await self._computer.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(
        self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        port = writer.get_extra_info("sockname")[1]
        connection = RpcConnection(
            service,
            self._authenticator,  # type: ignore[arg-type]
            port,
            partial(asyncio.sleep, 0),
        )
        try:
            await connection.serve(reader, writer)
        finally:
            writer.close()
