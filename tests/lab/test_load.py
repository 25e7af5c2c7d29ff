"""The computers for load: which there are, and whose keys each gets."""

from __future__ import annotations

import struct
from ipaddress import ip_address, ip_network

from lab.windows.load import MOST, MOST_NTLM, computers, has_services, part_of, split_keytab


def test_each_has_a_name_and_an_address_of_its_own_on_loopback() -> None:
    made = computers(3_000)
    assert len({one.name for one in made}) == len({one.address for one in made}) == 3_000
    network = ip_network("127.1.0.0/16")
    assert all(ip_address(one.address) in network for one in made)
    assert (made[0].dns_name, made[0].address) == ("load-00000.r2.local", "127.1.0.1")
    assert (made[251].dns_name, made[251].address) == ("load-00251.r2.local", "127.1.1.2")
    assert ip_address(computers(MOST)[-1].address) in network


def test_the_processes_share_them_without_remainder() -> None:
    parts = [part_of(1_000, 3, part) for part in range(3)]
    assert {one for part in parts for one in part} == set(computers(1_000))
    assert sum(len(part) for part in parts) == 1_000


def entry(name: str, key: bytes) -> bytes:
    text = name.encode()
    data = struct.pack(">HH", 1, 8) + b"R2.LOCAL" + struct.pack(">H", len(text)) + text
    data += struct.pack(">IIBHH", 1, 0, 1, 18, len(key)) + key
    return struct.pack(">i", len(data)) + data


def test_a_keytab_is_taken_apart_by_computer() -> None:
    one, other = entry("LOAD-00000$", b"a" * 32), entry("LOAD-00001$", b"b" * 32)
    hole = struct.pack(">i", -8) + bytes(8)
    whole = b"\x05\x02" + one + hole + other + entry("mjones", b"c" * 32) + one
    assert split_keytab(whole) == {
        "LOAD-00000": b"\x05\x02" + one + one,
        "LOAD-00001": b"\x05\x02" + other,
    }


def test_computers_without_tickets_have_names_and_addresses_apart() -> None:
    made = computers(MOST, MOST_NTLM)
    assert len({one.name for one in made}) == len({one.address for one in made}) == len(made)
    without = [one for one in computers(3, 2) if not has_services(one)]
    assert [(one.name, one.address) for one in without] == [
        ("NTLM-00000", "127.1.200.1"),
        ("NTLM-00001", "127.1.200.2"),
    ]
    network = ip_network("127.1.0.0/16")
    assert ip_address(made[-1].address) in network
    assert {one for part in range(3) for one in part_of(10, 3, part, 5)} == set(computers(10, 5))
