"""Attributes that a server sends in ranges, by a server that acts as Active Directory does."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from directory.ldap.entries import Entry
from directory.ldap.errors import DirectoryUnavailable
from directory.ldap.search import complete_ranges

DN = "CN=Everybody,DC=r2,DC=local"


class RangingServer:
    """Answers at most ``limit`` values at a time ([MS-ADTS] 3.1.1.3.1.3.3)."""

    def __init__(self, values: Sequence[bytes], limit: int = 1500) -> None:
        self.values = values
        self.limit = limit
        self.asked: list[str] = []

    def answer(self, start: int) -> Entry:
        part = self.values[start : start + self.limit]
        end = "*" if start + len(part) >= len(self.values) else str(start + len(part) - 1)
        return Entry(DN, {f"member;range={start}-{end}": part})

    def read(self, dn: str, attribute: str) -> Entry:
        assert dn == DN
        self.asked.append(attribute)
        found = re.fullmatch(r"member;range=(\d+)-\*", attribute)
        assert found
        return self.answer(int(found[1]))


@pytest.mark.parametrize("count", [1, 1499, 1500, 1501, 3000, 4321])
def test_a_long_list_is_read_to_its_end(count: int) -> None:
    members = [f"CN={number}".encode() for number in range(count)]
    server = RangingServer(members)
    complete = complete_ranges(server.answer(0), server.read)
    assert list(complete.all("member")) == members
    assert len(server.asked) == (count - 1) // 1500


def test_an_empty_member_beside_the_range_does_not_win() -> None:
    server = RangingServer([b"a", b"b", b"c"], limit=2)
    first = Entry(DN, {"member": (), **server.answer(0).values})
    assert list(complete_ranges(first, server.read).all("member")) == [b"a", b"b", b"c"]


def test_an_entry_without_ranges_is_left_alone() -> None:
    entry = Entry(DN, {"member": (b"a",)})
    assert complete_ranges(entry, RangingServer([]).read) is entry


def test_a_server_that_jumps_is_not_believed() -> None:
    server = RangingServer([b"x"] * 10, limit=3)

    def jump(dn: str, attribute: str) -> Entry:
        return server.answer(6)

    with pytest.raises(DirectoryUnavailable):
        complete_ranges(server.answer(0), jump)


def test_a_server_that_repeats_itself_does_not_hold_us() -> None:
    server = RangingServer([b"x"] * 10, limit=3)
    with pytest.raises(DirectoryUnavailable):
        complete_ranges(server.answer(0), lambda dn, attribute: server.answer(0))


def test_a_server_that_forgets_the_rest_is_not_believed() -> None:
    server = RangingServer([b"x"] * 10, limit=3)
    with pytest.raises(DirectoryUnavailable):
        complete_ranges(server.answer(0), lambda dn, attribute: Entry(DN, {}))
