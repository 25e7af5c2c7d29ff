"""The lab's directory in the test's database, and what a test sent over the network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from directory.configuration import connection_settings
from directory.models import Domain
from directory.synchronisation import applying, ignore_progress
from directory.synchronisation.reading import DomainContent, read_domain


@pytest.fixture(scope="session")
def domain_content(lab_domain: object) -> DomainContent:
    """What the lab's domain holds, really read; once a run."""
    return read_domain(connection_settings(), ignore_progress)


@pytest.fixture
def synced_directory(db: None, domain_content: DomainContent) -> Domain:
    """The database as after a synchronisation with the lab's domain."""
    domain, _ = applying.apply_content(
        domain_content, generation=1, removal_limit_percent=None, report=lambda stored: None
    )
    return domain


@dataclass
class Sockets:
    """Where Python's sockets were sent to while ``is_watching``: (event, address) pairs."""

    is_watching: bool = False
    contacts: list[tuple[str, Any]] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.is_watching and event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self.contacts.append((event, arguments[1]))


_sockets = Sockets()


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    """Watches every connection and datagram of this process from here to the test's end."""
    if not _hook_installed:
        sys.addaudithook(_sockets)  # for the life of the process: it cannot be taken out again
        _hook_installed.append(True)
    _sockets.contacts.clear()
    _sockets.is_watching = True
    yield _sockets
    _sockets.is_watching = False


_hook_installed: list[bool] = []
__all__ = ["domain_content", "sockets", "synced_directory"]
