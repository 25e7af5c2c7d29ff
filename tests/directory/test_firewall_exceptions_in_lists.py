"""The lists of Windows XP's firewall: entries and their scopes."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from directory.grouppolicy.firewall.legacy import parse_port_exception, parse_program_exception
from directory.grouppolicy.firewall.scope import Match, parse_scope
from tests.directory.firewall_entries import HELPCTR, HELPSVC, PORT_135, SESSMGR


def test_the_articles_port_exception_is_read() -> None:
    entry = parse_port_exception(PORT_135)
    assert (entry.port, entry.protocol, entry.is_enabled) == (135, "tcp", True)
    assert entry.scope.is_any
    assert entry.problem == ""


@pytest.mark.parametrize("data", [HELPSVC, HELPCTR, SESSMGR])
def test_the_articles_program_exceptions_are_read(data: str) -> None:
    entry = parse_program_exception(data)
    assert entry.path == data.partition(":")[0]
    assert entry.is_enabled
    assert entry.scope.is_any


def test_a_path_with_a_drive_and_a_name_with_colons_are_read() -> None:
    entry = parse_program_exception(r"C:\Windows\System32\msra.exe:10.0.0.0/8:enabled:a:b:Disabled")
    assert entry.path == r"C:\Windows\System32\msra.exe"
    assert entry.scope.texts == ("10.0.0.0/8",)
    assert entry.is_enabled


def test_a_scope_of_ipv6_keeps_its_colons() -> None:
    entry = parse_port_exception("135:tcp:2001:db8::/32,LocalSubnet:ENABLED:x")
    assert entry.scope.texts == ("2001:db8::/32", "LocalSubnet")
    assert entry.is_enabled


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("", "its port or protocol cannot be read"),
        ("135", "its port or protocol cannot be read"),
        ("135:ICMP:*:Enabled:x", "its port or protocol cannot be read"),
        ("70000:TCP:*:Enabled:x", "its port or protocol cannot be read"),
        ("١٣٥:TCP:*:Enabled:x", "its port or protocol cannot be read"),
        ("135:TCP:*:On:x", "its status is neither Enabled nor Disabled"),
        ("135:TCP:*", "its status is neither Enabled nor Disabled"),
        ("135:TCP:10.0.0.0/33:Enabled:x", "its scope '10.0.0.0/33' cannot be read"),
        ("135:TCP:10.0.0.1, 10.0.0.2:Enabled:x", "its scope ' 10.0.0.2' cannot be read"),
    ],
)
def test_an_entry_that_cannot_be_read_is_not_enabled(data: str, problem: str) -> None:
    entry = parse_port_exception(data)
    assert entry.problem == problem
    assert not entry.is_enabled


@pytest.mark.parametrize(
    ("scope", "address", "match"),
    [
        ("*", "192.0.2.1", Match.YES),
        ("192.0.2.1", "192.0.2.1", Match.YES),
        ("192.0.2.1", "192.0.2.2", Match.NO),
        ("192.0.2.0/24", "192.0.2.200", Match.YES),
        ("192.0.2.77/24", "192.0.2.200", Match.YES),
        ("192.0.2.0/255.255.255.0", "192.0.2.200", Match.YES),
        ("192.0.2.0/255.255.255.0", "192.0.3.1", Match.NO),
        ("192.0.2.0/0.0.0.255", "192.0.2.1", Match.MAYBE),
        ("192.0.2.10-192.0.2.20", "192.0.2.20", Match.YES),
        ("192.0.2.10-192.0.2.20", "192.0.2.21", Match.NO),
        ("192.0.2.20-192.0.2.10", "192.0.2.15", Match.MAYBE),
        ("LocalSubnet", "192.0.2.1", Match.MAYBE),
        ("localsubnet,192.0.2.1", "192.0.2.1", Match.YES),
        ("2001:db8::/32", "2001:db8::1", Match.YES),
        ("2001:db8::/32", "192.0.2.1", Match.NO),
        ("0.0.0.0/0", "2001:db8::1", Match.NO),
        ("nonsense", "192.0.2.1", Match.MAYBE),
        ("", "192.0.2.1", Match.MAYBE),
    ],
)
def test_a_scope_tells_whether_an_address_is_in_it(scope: str, address: str, match: Match) -> None:
    assert parse_scope(scope).match(ip_address(address)) is match


def test_an_unknown_address_may_be_in_any_scope_but_all() -> None:
    assert parse_scope("*").match(None) is Match.YES
    assert parse_scope("192.0.2.0/24").match(None) is Match.MAYBE
