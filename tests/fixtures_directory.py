"""The lab's directory in the test's database, and what a test sent over the network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction

from directory import synchronisation
from directory.configuration import domain_configuration
from directory.models import Domain
from tests.environment import DOMAIN

DirectoryRows = list[tuple[type[models.Model], list[models.Model]]]


class _Undo(Exception):
    """Takes back what was done for its result alone."""


@pytest.fixture(scope="session")
def directory_rows(
    lab_domain: object, django_db_setup: None, django_db_blocker: Any
) -> DirectoryRows:
    """Every row after a synchronisation with the lab's domain, really done; once a run."""
    rows: DirectoryRows = []
    with django_db_blocker.unblock():
        try:
            with transaction.atomic():
                synchronisation.run(domain_configuration(DOMAIN))
                rows.extend(
                    (model, list(model._default_manager.all()))
                    for model in apps.get_app_config("directory").get_models()
                )
                raise _Undo
        except _Undo:
            return rows
    return rows


@pytest.fixture
def synced_directory(db: None, directory_rows: DirectoryRows) -> Domain:
    """The database as after a synchronisation with the lab's domain."""
    for model, found in directory_rows:
        model._default_manager.bulk_create(found, batch_size=500)
    return Domain.objects.get(dns_name=DOMAIN)


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
__all__ = ["directory_rows", "sockets", "synced_directory"]
