"""dnsRecord and msDS-TrustForestTrustInfo, byte by byte."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.ldap.dns_record import DnsRecord, parse_dns_record
from directory.ldap.forest_trust import ForestName, parse_forest_trust
from directory.ldap.values import MalformedValue, pack_sid

SID = "S-1-5-21-9-8-7"


def record(kind: int, data: bytes, *, hours: int = 3_715_200, version: int = 5) -> bytes:
    """[MS-DNSP] 2.3.2.2: length, type, version, rank, flags, serial, TTL, reserved, timestamp."""
    header = struct.pack("<HHBBHI", len(data), kind, version, 0xF0, 0, 42)
    return header + struct.pack(">I", 900) + struct.pack("<II", 0, hours) + data


def counted(raw: bytes) -> bytes:
    return struct.pack("<I", len(raw)) + raw


def trust_record(kind: int, content: bytes, flags: int = 0) -> bytes:
    return counted(struct.pack("<IQB", flags, 133_000_000_000_000_000, kind) + content)


def trust_info(*records: bytes, version: int = 1) -> bytes:
    return struct.pack("<II", version, len(records)) + b"".join(records)


def test_addresses_of_both_families() -> None:
    four = parse_dns_record(record(1, bytes([127, 0, 11, 5])))
    six = parse_dns_record(record(28, IPv6Address("fd00::5").packed))
    assert (four.address, six.address) == (IPv4Address("127.0.11.5"), IPv6Address("fd00::5"))


def test_a_record_tells_when_it_was_registered() -> None:
    found = parse_dns_record(record(1, bytes([127, 0, 11, 5])))
    assert (found.ttl_seconds, found.serial) == (900, 42)
    assert found.refreshed_at == datetime(2024, 10, 30, tzinfo=UTC)
    by_hand = parse_dns_record(record(1, bytes([127, 0, 11, 5]), hours=0))
    assert by_hand.refreshed_at is None


def test_records_from_a_real_zone() -> None:
    address = bytes.fromhex("0400010005f00000010000000000038400000000000000007f000bbf")
    assert parse_dns_record(address) == DnsRecord(1, bytes([127, 0, 11, 191]), 900, 1, None)
    service = bytes.fromhex(
        "1600210005f000000100000000000384000000000000000000000064"
        "00580e0303646331027232056c6f63616c00"
    )
    assert parse_dns_record(service).kind == 33


def test_a_deleted_name_tells_since_when() -> None:
    ticks = 133_776_576_000_000_000
    deleted = parse_dns_record(record(0, ticks.to_bytes(8, "little")))
    assert deleted.is_tombstone
    assert deleted.address is None
    assert deleted.deleted_at == datetime(2024, 12, 3, tzinfo=UTC)
    assert parse_dns_record(record(1, b"\x7f\x00\x00\x01")).deleted_at is None
    for wrong in (b"", b"\x00" * 7, b"\xff" * 8):
        with pytest.raises(MalformedValue):
            _ = parse_dns_record(record(0, wrong)).deleted_at


def test_a_record_of_another_version_is_refused() -> None:
    with pytest.raises(MalformedValue):
        parse_dns_record(record(1, b"\x7f\x00\x00\x01", version=4))


@pytest.mark.parametrize("kind", [0, 2, 5, 6, 12, 33])
def test_other_records_have_no_address(kind: int) -> None:
    assert parse_dns_record(record(kind, b"\x00" * 8)).address is None


@pytest.mark.parametrize("raw", [b"", record(1, b"\x7f\x00\x00\x01")[:-1], b"\xff" * 23])
def test_a_record_that_is_cut_off_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedValue):
        parse_dns_record(raw)


def test_an_address_of_another_length_is_refused() -> None:
    with pytest.raises(MalformedValue):
        _ = parse_dns_record(record(1, b"\x7f\x00\x00")).address


def test_the_names_of_a_forest() -> None:
    domain = counted(pack_sid(SID)) + counted(b"contoso.test") + counted(b"CONTOSO")
    raw = trust_info(
        trust_record(0, counted(b"contoso.test")),
        trust_record(1, counted(b"lab.contoso.test"), flags=1),
        trust_record(2, domain),
        trust_record(9, b"of a later Windows"),
    )
    assert parse_forest_trust(raw) == (
        ForestName(0, 0, dns_name="contoso.test"),
        ForestName(1, 1, dns_name="lab.contoso.test"),
        ForestName(2, 0, dns_name="contoso.test", netbios_name="CONTOSO", sid=SID),
        ForestName(9, 0),
    )


def test_the_names_of_a_forest_as_samba_packs_them() -> None:
    raw = bytes.fromhex(
        "01000000030000001d000000000000000080209bcb82d801000c000000636f6e746f736f2e74657374"
        "21000000010000000080209bcb82d80101100000006c61622e636f6e746f736f2e74657374"
        "44000000000000000080209bcb82d8010218000000010400000000000515000000090000000800000007000000"
        "0c000000636f6e746f736f2e7465737407000000434f4e544f534f"
    )
    assert parse_forest_trust(raw) == (
        ForestName(0, 0, dns_name="contoso.test"),
        ForestName(1, 1, dns_name="lab.contoso.test"),
        ForestName(2, 0, dns_name="contoso.test", netbios_name="CONTOSO", sid=SID),
    )


@given(st.binary(max_size=80))
def test_anything_else_is_refused_or_understood(raw: bytes) -> None:
    for parse in (parse_dns_record, parse_forest_trust):
        try:
            parse(raw)
        except MalformedValue:
            continue


@pytest.mark.parametrize("raw", [trust_info(version=2), trust_info(trust_record(0, b""))[:-3]])
def test_trust_information_that_is_not_as_it_should_be_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedValue):
        parse_forest_trust(raw)
