"""All of the lab's computers in one process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab import world
from lab.windows import certificate
from lab.windows.activator import Activator
from lab.windows.answers import read_script
from lab.windows.calls import CallRecorder
from lab.windows.computer import Computer
from lab.windows.desktop import Desktop
from lab.windows.event_service import EventService
from lab.windows.events import EventLog
from lab.windows.exporter import ObjectExporter
from lab.windows.journal import Journal
from lab.windows.listeners import listen_dynamically
from lab.windows.novice import POLL_SECONDS, Timing
from lab.windows.ntlm import NtlmContext
from lab.windows.policy import DomainPolicies, Policy
from lab.windows.rpc_server import RpcConnection, Service
from lab.windows.security import Authenticator

ACTIVATOR_PORT = 135
SLOW_SECONDS = 2.0
# Of another service on the port; its first byte is no version of an RPC header, so that a reader
# knows at once. Random bytes would be a header's beginning now and then.
GARBAGE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
NOT_CONFIGURED = Policy(offers=None, control=None, helpers=frozenset())
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabFiles:
    """The files of the lab's state directory that the computers use."""

    root: Path

    def make(self) -> None:
        for name in ("events", "answers", "log", "windows"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    @property
    def smb_conf(self) -> Path:
        return self.root / "dc1" / "etc" / "smb.conf"

    @property
    def journal(self) -> Path:
        return self.root / "calls.jsonl"

    @property
    def ready(self) -> Path:
        return self.root / "windows.ready"

    @property
    def addresses(self) -> Path:
        return self.root / "computers.json"

    def keytab(self, name: str) -> Path:
        return self.root / "keytabs" / f"{name}.keytab"


@dataclass(frozen=True)
class Options:
    """How the computers behave apart from the world's description."""

    opening_seconds: float = 60.0
    one_referent: bool = False
    activator_port: int = ACTIVATOR_PORT
    poll_seconds: float = POLL_SECONDS
    pause_seconds: float = 0.0


class Simulation:
    """Starts and stops the computers.

    Args:
        files: The lab's state directory.
        computers: Those with a behaviour are served.
        policies: What is in force on them.
        options: Their behaviour.
    """

    def __init__(
        self,
        files: LabFiles,
        computers: tuple[world.Computer, ...],
        policies: DomainPolicies,
        options: Options,
    ) -> None:
        self._files = files
        self._descriptions = [one for one in computers if one.behaviour]
        self._policies = policies
        self._options = options
        self._journal = Journal(files.journal)
        self._computers: list[Computer] = []
        self._servers: list[asyncio.Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._connections: set[asyncio.Task[None]] = set()
        self.ports: dict[str, int] = {}

    async def start(self) -> None:
        """Returns when every listener is up and every desktop is served."""
        self._files.make()
        await asyncio.gather(*(self._start_computer(one) for one in self._descriptions))
        self._files.addresses.write_text(
            json.dumps(
                {
                    one.name: {"address": one.address, "port": self.ports[one.name]}
                    for one in self._descriptions
                },
                indent=1,
            )
        )
        self._files.ready.write_text("ready\n")

    async def stop(self) -> None:
        self._files.ready.unlink(missing_ok=True)
        for server in self._servers:
            server.close()
        for task in (*self._tasks, *self._connections):
            task.cancel()
        await asyncio.gather(*(one.stop() for one in self._computers))
        await asyncio.gather(
            *(one.desktop.stop() for one in self._computers if one.desktop is not None)
        )

    async def _start_computer(self, description: world.Computer) -> None:
        name = description.name
        desktop = None
        if description.desktop:
            desktop = Desktop(
                f"127.0.12.{description.last_octet}",
                f"{name} - {_display_name(description)}",
                self._files.root / "windows" / name,
                self._files.root / "log" / f"desktop-{name}.log",
            )
            await desktop.start()
        script_file = self._files.root / "answers" / f"{name}.json"
        event_log = EventLog(
            f"{name}.{world.DNS_NAME}",
            self._files.root / "events" / f"{name}.jsonl",
            self._files.root / "collector.json",
            lambda: read_script(script_file).clock_ahead_seconds,
        )
        self._tasks.append(asyncio.create_task(event_log.forward()))
        computer = Computer(
            description=description,
            policy=self._policies.computers.get(name, NOT_CONFIGURED),
            sids=self._policies.sids,
            event_log=event_log,
            script_file=script_file,
            timing=Timing(
                opening_seconds=self._options.opening_seconds,
                answer_window_seconds=description.answer_window_seconds,
                poll_seconds=self._options.poll_seconds,
            ),
            key_hashes=certificate.key_hashes(None if desktop is None else desktop.home),
            connected=partial(self._journal.connection, name),
            desktop=desktop,
            two_referents=not self._options.one_referent,
        )
        self._computers.append(computer)
        authenticator = Authenticator(
            self._files.keytab(name),
            partial(
                NtlmContext,
                description.dns_name,
                world.NETBIOS_NAME,
                lambda: read_script(script_file).clock_ahead_seconds,
                self._policies.accounts,
            ),
        )
        exporter = ObjectExporter(computer, self._journal)
        server, port = await listen_dynamically(
            partial(self._serve, computer, exporter, authenticator), description.address
        )
        exporter.port = self.ports[name] = port
        self._servers.append(server)
        activator = await self._start_event_service(computer, exporter, authenticator)
        self._servers.append(
            await asyncio.start_server(
                partial(self._serve, computer, activator, authenticator),
                description.address,
                self._options.activator_port,
            )
        )

    async def _start_event_service(
        self, computer: Computer, exporter: ObjectExporter, authenticator: Authenticator
    ) -> Activator:
        """Serves the event log, which Windows XP does not have in this form."""
        if computer.is_legacy:
            return Activator(exporter)
        portal_sid = self._policies.sids.get(world.PORTAL_ACCOUNT, "")
        service = EventService(
            computer.event_log,
            partial(read_script, computer.script_file),
            frozenset({portal_sid} - {""}),
            CallRecorder(computer.description.name, self._journal),
        )
        server, port = await listen_dynamically(
            partial(self._serve, computer, service, authenticator), computer.description.address
        )
        self._servers.append(server)
        return Activator(exporter, service, port)

    async def _serve(
        self,
        computer: Computer,
        service: Service,
        authenticator: Authenticator,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        port = writer.get_extra_info("sockname")[1]
        peer = writer.get_extra_info("peername")
        computer.connected(port, f"{peer[0]}:{peer[1]}")
        try:
            match computer.description.behaviour:
                case "silent":
                    while await reader.read(65536):
                        pass
                case "garbage":
                    while await reader.read(65536):
                        writer.write(GARBAGE)
                        await writer.drain()
                case behaviour:
                    seconds = SLOW_SECONDS if behaviour == "slow" else self._options.pause_seconds
                    connection = RpcConnection(
                        service, authenticator, port, partial(asyncio.sleep, seconds)
                    )
                    await connection.serve(reader, writer)
        except ConnectionError:
            pass
        finally:
            with contextlib.suppress(ConnectionError):
                writer.close()


def _display_name(description: world.Computer) -> str:
    """Of the person whose desktop it is."""
    users = [one.user for one in description.logged_on]
    return next((one.display_name for one in world.PEOPLE if one.name in users), "nobody")
