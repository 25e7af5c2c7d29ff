"""A scripted LDAP server, and a connection to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from directory.ldap.connection import LdapConnection, close_connection
from tests.directory.scripted_ldap import ScriptedLdap, connect, scripted_ldap


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedLdap]:
    """Answers LDAPS as the test tells it to."""
    with scripted_ldap(tmp_path) as running:
        monkeypatch.setattr("directory.ldap.connection.LDAPS_PORT", running.port)
        yield running


@pytest.fixture
def scripted(server: ScriptedLdap) -> Iterator[LdapConnection]:
    """A connection of the reading account to the scripted server."""
    opened = connect(server)
    yield opened
    close_connection(opened)
