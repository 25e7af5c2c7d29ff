"""One simulated computer: its policy, its logon sessions, Remote Assistance in them."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab import world
from lab.windows import pchservice, rasrv, results
from lab.windows.answers import read_script
from lab.windows.certificate import KeyHashes
from lab.windows.desktop import Desktop
from lab.windows.events import EventLog
from lab.windows.novice import Novice, RemoteAssistance, Timing
from lab.windows.policy import Policy

log = logging.getLogger(__name__)


@dataclass
class Computer:
    """What a computer is and does.

    Attributes:
        description: The world's words for it.
        policy: Offer Remote Assistance as in force here.
        sids: SIDs of the domain's accounts by name in lower case.
        key_hashes: Of the certificate that its desktop shows.
        connected: Told the port and peer of each connection to a novice's listener.
        two_referents: Which form of SAFEARRAY pointer it takes.
    """

    description: world.Computer
    policy: Policy
    sids: dict[str, str]
    event_log: EventLog
    script_file: Path
    timing: Timing
    key_hashes: KeyHashes
    connected: Callable[[int, str], None]
    desktop: Desktop | None = None
    two_referents: bool = True
    _running: dict[int, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def is_legacy(self) -> bool:
        """Whether only the interface of Windows XP is there."""
        return self.description.behaviour == "legacy"

    @property
    def class_id(self) -> uuid.UUID:
        """The class that starts Remote Assistance here."""
        return pchservice.CLSID_PCHSERVICE if self.is_legacy else rasrv.CLSID_RASRV

    @property
    def logged_on(self) -> tuple[world.LoggedOn, ...]:
        """The logon sessions, in whatever state."""
        scripted = read_script(self.script_file).logged_on
        return self.description.logged_on if scripted is None else scripted

    def is_logged_on(self, domain: str, user: str) -> bool:
        """Whether a user of that domain has a logon session, whatever its state."""
        return domain.upper() == world.NETBIOS_NAME and any(
            one.user.lower() == user.lower() for one in self.logged_on
        )

    def _active(self) -> list[world.LoggedOn]:
        return [one for one in self.logged_on if one.state == "active"]

    def has_session(self, session_id: int) -> bool:
        return any(one.session_id == session_id for one in self._active())

    def session_names(self) -> list[str]:
        """``DOMAIN\\user:id`` of active sessions; Windows leaves out idle and disconnected ones."""
        return [rf"{world.NETBIOS_NAME}\{one.user}:{one.session_id}" for one in self._active()]

    async def start_remote_assistance(self, session_id: int | None) -> tuple[str | None, int]:
        """Starts it in a logon session, or in the first active one for None.

        Returns:
            The connection string and S_OK, or None and the HRESULT of a refusal.
        """
        session = next(
            (one for one in self._active() if session_id in (None, one.session_id)), None
        )
        if session is None:
            return None, results.NO_SUCH_SESSION
        is_busy = self.description.behaviour == "busy" or read_script(self.script_file).is_busy
        if is_busy or session.session_id in self._running:
            return None, results.BUSY
        assistance = RemoteAssistance(
            self.description.address,
            self._novice(session),
            self.event_log,
            self.timing,
            self.connected,
            is_older=self.is_legacy,
            computer_name=self.description.name,
        )
        text = await assistance.start()
        task = asyncio.create_task(assistance.run())
        self._running[session.session_id] = task
        task.add_done_callback(lambda _: self._running.pop(session.session_id, None))
        return text, results.S_OK

    def _novice(self, session: world.LoggedOn) -> Novice:
        return Novice(
            user=rf"{world.NETBIOS_NAME}\{session.user}",
            user_sid=self.sids.get(session.user.lower(), ""),
            session_id=session.session_id,
            script=lambda: read_script(self.script_file),
            answer=self.description.answer,
            may_share_control=bool(self.policy.control),
            desktop=None if self.desktop is None else self.desktop.endpoint,
            key_hashes=self.key_hashes,
        )

    async def stop(self) -> None:
        """Ends every Remote Assistance, with the events of its end."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
