"""A novice's desktop: Xvfb with something to recognise on it, shared by FreeRDP's shadow server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from lab.windows.listeners import next_dynamic_port

SIZE = "1024x768x24"
RESTART_SECONDS = 1.0
log = logging.getLogger(__name__)


class Desktop:
    """Keeps a screen, its windows and its RDP server running.

    Args:
        address: Where the RDP server listens. Not the computer's own address: viewers reach the
            desktop only through the novice's listener, after consent.
        title: Shown on the screen, e.g. ``XP191 - Bob Smith``.
        home: For the server's certificate.
        output: The processes' log.
    """

    def __init__(self, address: str, title: str, home: Path, output: Path) -> None:
        self.endpoint = (address, next_dynamic_port())
        self.home = home
        self._title = title
        self._output = output
        self._processes: list[asyncio.subprocess.Process] = []
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts it and waits until the RDP server accepts connections."""
        self._keeper = asyncio.create_task(self._keep())
        async with asyncio.timeout(30):
            while not await self._listens():
                if self._keeper.done():
                    self._keeper.result()
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Ends all of its processes."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(*self.endpoint)
        except OSError:
            return False
        writer.close()
        return True

    async def _keep(self) -> None:
        """Runs everything, and everything anew when the screen or the server ends."""
        self.home.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                await self._run_once()
            finally:
                await self._end()
            log.error("the desktop %s ended; see %s", self._title, self._output)
            await asyncio.sleep(RESTART_SECONDS)

    async def _run_once(self) -> None:
        display = await self._start_screen()
        environment = os.environ | {"DISPLAY": display, "HOME": str(self.home)}
        for command in (
            ("xsetroot", "-solid", "#1f5f8b"),
            ("xmessage", "-center", "-fn", "10x20", "-buttons", "OK", f"   {self._title}   "),
            ("xclock", "-geometry", "160x160-30+30", "-update", "1"),
        ):
            await self._start(*command, environment=environment)
        address, port = self.endpoint
        server = await self._start(
            "freerdp-shadow-cli",
            f"/port:{port}",
            f"/bind-address:{address}",
            "-auth",
            environment=environment,
        )
        screen = self._processes[0]
        ends = [asyncio.create_task(process.wait()) for process in (server, screen)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()

    async def _start_screen(self) -> str:
        """Starts Xvfb on a display number that it finds free; returns it as ``:N``."""
        readable, writable = os.pipe()
        try:
            await self._start(
                "Xvfb",
                "-displayfd",
                str(writable),
                "-screen",
                "0",
                SIZE,
                "-noreset",  # or the background goes with xsetroot, the first client to end
                "-nolisten",
                "tcp",
                environment=os.environ,
                pass_fds=(writable,),
            )
        finally:
            os.close(writable)
        with os.fdopen(readable) as pipe:
            number = await asyncio.to_thread(pipe.readline)
        if not number.strip():
            raise OSError(f"Xvfb did not start; see {self._output}")
        return f":{number.strip()}"

    async def _start(
        self, *command: str, environment: Mapping[str, str], pass_fds: tuple[int, ...] = ()
    ) -> asyncio.subprocess.Process:
        with self._output.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                pass_fds=pass_fds,
            )
        self._processes.append(process)
        return process

    async def _end(self) -> None:
        processes, self._processes = self._processes[::-1], []
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in processes:
            try:
                async with asyncio.timeout(3):
                    await process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
