"""Remote Assistance as it runs on a novice's computer, from connection string to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from lab.windows import answers, events
from lab.windows.certificate import KeyHashes
from lab.windows.events import EventLog
from lab.windows.listeners import listen_dynamically

POLL_SECONDS = 0.1  # how soon a change of the novice's script is seen
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timing:
    """How long a novice and its Windows wait.

    Attributes:
        opening_seconds: For a viewer, before the invitation lapses.
        thinking_seconds: Between the question and the answer.
        answer_window_seconds: For an answer, before Remote Assistance gives up.
        poll_seconds: Between two looks at whether the novice closes Remote Assistance.
        reconnection_seconds: For a viewer that negotiates, drops the connection and comes again.
    """

    opening_seconds: float = 60.0
    thinking_seconds: float = 0.3
    answer_window_seconds: float = 3.0
    reconnection_seconds: float = 5.0
    poll_seconds: float = POLL_SECONDS


@dataclass(frozen=True)
class Novice:
    """The person at one logon session and what belongs to it.

    Attributes:
        user: ``DOMAIN\\name``.
        user_sid: Written into events.
        script: Reads what the novice is told to do now.
        answer: What it does when the script is silent.
        may_share_control: Whether policy lets a helper take control.
        desktop: Where the shared desktop is served; None for a computer without.
        key_hashes: Of the desktop's certificate, for the connection string.
    """

    user: str
    user_sid: str
    session_id: int
    script: Callable[[], answers.Script]
    answer: str
    may_share_control: bool
    desktop: tuple[str, int] | None
    key_hashes: KeyHashes


@dataclass
class _Viewer:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    first_bytes: bytes


@dataclass
class RemoteAssistance:
    """One run of Remote Assistance. ``start`` it, hand out its string, ``run`` it to its end."""

    address: str
    novice: Novice
    log_event: EventLog
    timing: Timing
    connected: Callable[[int, str], None]
    is_older: bool = False
    computer_name: str = ""
    process_id: int = field(default_factory=lambda: 4 * (256 + secrets.randbelow(4096)))
    _port: int = 0

    async def start(self) -> str:
        """Opens the listener and returns the connection string ([MS-RAI] 2.2.1, 2.2.2)."""
        self._viewers: asyncio.Queue[_Viewer] = asyncio.Queue(1)
        self._server, self._port = await listen_dynamically(self._accept, self.address)
        self._log(events.COM_SERVER_STARTED)
        self._log(events.STARTED, {"FuncName": f"-Embedding -RA {self.novice.session_id}"})
        self._log(events.TICKET_ADDRESSES, {"FuncName": f"{self.address}:{self._port}"})
        identity = secrets.token_urlsafe(24)
        if self.is_older:
            places = f"{self.address}:{self._port};{self.computer_name}:{self._port}"
            return f"65538,1,{places},*,{identity},*,*,{self.novice.key_hashes.sha1}"
        return (
            f"<E><A KH={quoteattr(self.novice.key_hashes.sha1)} "
            f'KH2="sha256:{self.novice.key_hashes.sha256}" ID={quoteattr(identity)}/>'
            f'<C><T ID="1" SID="{self.novice.session_id}">'
            f'<L P="{self._port}" N="{self.address}"/></T></C></E>'
        )

    def _log(self, event_id: int, data: dict[str, str] | None = None) -> None:
        self.log_event.log(event_id, self.process_id, self.novice.user_sid, data)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A viewer speaks first; a bare connection asks nobody anything."""
        peer = writer.get_extra_info("peername")
        self.connected(self._port, f"{peer[0]}:{peer[1]}")
        with contextlib.suppress(ConnectionError):
            first = await reader.read(65536)
            if first and self._viewers.empty():
                self._viewers.put_nowait(_Viewer(reader, writer, first))
                return
        writer.close()

    async def run(self) -> None:
        """Waits for a viewer, asks, shares, and ends with the events of that end."""
        closing = asyncio.create_task(self._novice_closes())
        story = asyncio.create_task(self._story())
        try:
            await asyncio.wait((closing, story), return_when=asyncio.FIRST_COMPLETED)
            if not story.done():
                self._log(events.DISCONNECTED_LOCALLY)
            elif (error := story.exception()) is not None:
                log.error("Remote Assistance at %s broke", self.address, exc_info=error)
        finally:
            for task in (closing, story):
                task.cancel()
            await asyncio.gather(closing, story, return_exceptions=True)
            self._server.close()
            self._log(events.ENDED)
            self._log(events.COM_SERVER_ENDED)

    async def _novice_closes(self) -> None:
        while not self.novice.script().closes_window:
            await asyncio.sleep(self.timing.poll_seconds)

    async def _story(self) -> None:
        waiting = self.novice.script().opening_seconds
        try:
            async with asyncio.timeout(self.timing.opening_seconds if waiting is None else waiting):
                viewer = await self._viewers.get()
        except TimeoutError:
            self._log(events.TIME_LIMIT_REACHED)
            return
        self._log(events.CONNECTED)
        self._log(events.PASSWORD_VERIFIED)
        try:
            await self._ask(viewer)
        finally:
            viewer.writer.close()

    async def _ask(self, viewer: _Viewer) -> None:
        answer = self.novice.script().answer or self.novice.answer
        ignores = answer == answers.IGNORE
        patience = self.timing.answer_window_seconds if ignores else self.timing.thinking_seconds
        if await self._viewer_left(viewer, patience):
            self._log(events.DISCONNECTED_REMOTELY)
        elif ignores:
            self._log(events.TIME_LIMIT_REACHED)
        elif answer == answers.DECLINE:
            self._log(events.DISCONNECTED_LOCALLY)
        else:
            self._log(events.SCREEN_VIEWED)
            if answer == answers.ACCEPT_CONTROL:
                allowed = self.novice.may_share_control
                self._log(events.CONTROL_SHARED if allowed else events.CONTROL_BLOCKED)
            await self._share(viewer)
            while (again := await self._viewer_again()) is not None:
                await self._share(again)
            self._log(events.DISCONNECTED_REMOTELY)

    async def _viewer_again(self) -> _Viewer | None:
        """The viewer's next connection; FreeRDP tries one security protocol after the other."""
        try:
            async with asyncio.timeout(self.timing.reconnection_seconds):
                return await self._viewers.get()
        except TimeoutError:
            return None

    @staticmethod
    async def _viewer_left(viewer: _Viewer, seconds: float) -> bool:
        """Waits; whether the viewer closed in the meantime. What it sends is kept for later."""
        try:
            async with asyncio.timeout(seconds):
                while part := await viewer.reader.read(65536):
                    viewer.first_bytes += part
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True

    async def _share(self, viewer: _Viewer) -> None:
        """Shows the desktop until one side closes; a computer without holds the connection."""
        try:
            await self._show(viewer)
        finally:
            viewer.writer.close()

    async def _show(self, viewer: _Viewer) -> None:
        if self.novice.desktop is None:
            with contextlib.suppress(ConnectionError):
                while await viewer.reader.read(65536):
                    pass
            return
        try:
            reader, writer = await asyncio.open_connection(*self.novice.desktop)
        except OSError:
            log.exception("the desktop of %s is not served", self.address)
            return
        writer.write(viewer.first_bytes)
        outward = asyncio.create_task(_copy(viewer.reader, writer))
        inward = asyncio.create_task(_copy(reader, viewer.writer))
        try:
            await asyncio.wait((outward, inward), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (outward, inward):
                task.cancel()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
