"""A trust that breaks in the directory lets nobody in, whatever was known of it before."""

from __future__ import annotations

import struct
import uuid

import pytest
from django.utils import timezone

from directory.ldap.entries import Entry
from directory.ldap.values import pack_sid
from directory.models import Domain
from directory.synchronisation.kinds import TRUSTS
from directory.synchronisation.rows import Surroundings
from directory.synchronisation.staging import Staging
from directory.synchronisation.trust_rows import trust_row
from directory.trusts import Effect, TrustWay, way
from directory.trusts.loading import trust_map
from tests.directory import world

pytestmark = pytest.mark.django_db

GUIDS = (uuid.UUID(int=71), uuid.UUID(int=72))
Values = dict[str, tuple[bytes, ...]]


def forest_names(domain: Domain) -> bytes:
    """msDS-TrustForestTrustInfo of a forest of one domain ([MS-ADTS] 6.1.6.9.3)."""

    def counted(content: bytes) -> bytes:
        return struct.pack("<I", len(content)) + content

    def record(kind: int, content: bytes) -> bytes:
        return counted(struct.pack("<IQB", 0, 0, kind) + content)

    name, netbios_name = domain.dns_name.encode(), domain.netbios_name.encode()
    info = counted(pack_sid(domain.sid)) + counted(name) + counted(netbios_name)
    return struct.pack("<II", 1, 2) + record(0, counted(name)) + record(2, info)


def store(guid: uuid.UUID, holder: Domain, partner: Domain, changed: Values) -> None:
    """What a synchronisation makes of a trust as the directory has it."""
    values: Values = {
        "objectguid": (guid.bytes_le,),
        "trustpartner": (partner.dns_name.encode(),),
        "flatname": (partner.netbios_name.encode(),),
        "securityidentifier": (pack_sid(partner.sid),),
        "trustdirection": (b"3",),
        "trusttype": (b"2",),
        "trustattributes": (b"8",),
        "msds-trustforesttrustinfo": (forest_names(partner),),
    }
    around = Surroundings(holder.guid.hex, holder.sid, holder.dns_name, holder.dns_name)
    row = trust_row(Entry("CN=trust", values | changed), around)
    staging = Staging()
    staging.add(TRUSTS, [(guid.hex, f"CN={partner.dns_name},CN=System", *row)])
    staging.prepare(TRUSTS)
    staging.merge(TRUSTS, run=1, now=timezone.now())
    staging.close()


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    "changed",
    [
        {"trustdirection": (b"both",)},
        {"trustdirection": ()},
        {"trusttype": (b"99999999999",)},
        {"trusttype": ()},
        {"trustattributes": (b"",)},
        {"trustattributes": ()},
        {"trustattributes": (b"99999999999999999999",)},
        {"msds-trustforesttrustinfo": (b"\x01\x00\x00\x00\x09",)},
    ],
)
def test_a_trust_that_breaks_on_either_side_leaves_it_unknown(side: int, changed: Values) -> None:
    domains = world.domain(), world.domain("contoso.test", "CONTOSO", 9)

    def found() -> TrustWay:
        return way(trust_map(), domains[0].guid, domains[1].guid)

    for number in (0, 1):
        store(GUIDS[number], domains[number], domains[1 - number], {})
    assert found().effect is Effect.ALLOW, found().sentence
    store(GUIDS[side], domains[side], domains[1 - side], changed)
    assert found().effect is Effect.UNKNOWN, found().sentence
    assert found().remedy


@pytest.mark.parametrize("sid", [(b"\x01\x05short",), ()])
def test_a_trust_without_the_partners_sid_leaves_it_unknown(sid: tuple[bytes, ...]) -> None:
    ours, theirs = world.domain(), world.domain("contoso.test", "CONTOSO", 9)
    store(GUIDS[0], ours, theirs, {"securityidentifier": sid})
    store(GUIDS[1], theirs, ours, {})
    found = way(trust_map(), ours.guid, theirs.guid)
    assert (found.effect, found.code) == (Effect.UNKNOWN, "trust.contradiction")
    assert "no SID" in found.sentence
