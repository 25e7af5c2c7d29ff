"""Random changes of names in the AD-integrated DNS zone, and of trusts."""

from __future__ import annotations

import time

import ldb
from samba import unix2nttime
from samba.dcerpc import dnsp, security
from samba.ndr import ndr_pack
from samba.provision.sambadns import AAAARecord, ARecord, CNAMERecord

from lab import world
from lab.samba.changes_state import Item, State

FOREST_TRANSITIVE, QUARANTINED, TREAT_AS_EXTERNAL = 0x8, 0x4, 0x40
SELECTIVE_AUTHENTICATION, WITHIN_FOREST = 0x10, 0x20
TRUST_ATTRIBUTES = (
    *(0, QUARANTINED, FOREST_TRANSITIVE, FOREST_TRANSITIVE | SELECTIVE_AUTHENTICATION),
    *(FOREST_TRANSITIVE | TREAT_AS_EXTERNAL, WITHIN_FOREST),
)


def create_dns_node(state: State) -> str:
    """Sometimes with the name of a computer, which is then found by its address."""
    names = [name for name in (state.new_name(), _computer_name(state)) if name]
    taken = {node.label.lower() for node in state.dns_nodes}
    name = next(name for name in reversed(names) if name.lower() not in taken)
    state.add(
        state.dns_nodes,
        state.child(state.dns_zone, "DC", name),
        {"objectClass": "dnsNode", "dnsRecord": _records(state)},
        label=name,
    )
    return name


def change_dns_node(state: State) -> str:
    """Other addresses; a name that was given up comes to life again."""
    node = _some_node(state)
    state.change(node, dnsRecord=_records(state), dNSTombstoned="FALSE")
    return node.label


def add_dns_address(state: State) -> str:
    node = _some_node(state)
    record = ndr_pack(ARecord(_address(state)))
    if record not in [bytes(value) for value in state.get(node, "dnsRecord").get("dnsRecord", ())]:
        state.change(node, ldb.FLAG_MOD_ADD, dnsRecord=record)
    return node.label


def give_up_dns_node(state: State) -> str:
    """As a DNS server deletes a name: the object stays a while, marked ([MS-DNSP] 2.2.2.2.4.23).

    Samba takes away by itself what was given up more than 14 days ago.
    """
    node = _some_node(state)
    record = dnsp.DnssrvRpcRecord()
    record.wType, record.dwSerial = dnsp.DNS_TYPE_TOMBSTONE, 1
    record.data = unix2nttime(int(time.time()))
    state.change(node, dnsRecord=ndr_pack(record), dNSTombstoned="TRUE")
    return node.label


def delete_dns_node(state: State) -> str:
    node = _some_node(state)
    state.delete(node)
    return node.label


def _some_node(state: State) -> Item:
    if not state.dns_nodes:
        create_dns_node(state)
    return state.chance.choice(state.dns_nodes)


def _computer_name(state: State) -> str:
    own = [item for item in state.computers if item.label.startswith("chg")]
    return state.chance.choice(own).label.removesuffix("$") if own else ""


def _address(state: State) -> str:
    numbers = [state.chance.randrange(256) for _ in range(2)]
    return f"10.{state.chance.randrange(100, 250)}.{numbers[0]}.{numbers[1]}"


def _records(state: State) -> list[bytes]:
    records: list[dnsp.DnssrvRpcRecord] = [ARecord(_address(state))]
    if state.chance.random() < 0.3:
        records.append(ARecord(_address(state)))
    if state.chance.random() < 0.3:
        records.append(AAAARecord(f"fd00::{state.chance.randrange(1, 0xFFFF):x}"))
    if state.chance.random() < 0.1:
        records = [CNAMERecord(f"elsewhere.{world.DNS_NAME}")]
    return sorted({ndr_pack(record) for record in records})


def create_trust(state: State) -> str:
    name = state.new_name()
    parts = "-".join(str(state.chance.randrange(10**8, 2**32)) for _ in range(3))
    state.add(
        state.trusts,
        f"CN={name}.test,CN=System,{world.BASE_DN}",
        {
            "objectClass": "trustedDomain",
            "trustPartner": f"{name}.test",
            "flatName": name.upper(),
            "securityIdentifier": ndr_pack(security.dom_sid(f"S-1-5-21-{parts}")),
            "trustDirection": str(state.chance.randrange(4)),
            "trustType": "2",
            "trustAttributes": str(state.chance.choice(TRUST_ATTRIBUTES)),
        },
        label=name,
        controls=["relax:0"],
    )
    return name


def change_trust(state: State) -> str:
    trust = _some_trust(state)
    attributes = str(state.chance.choice(TRUST_ATTRIBUTES))
    direction = str(state.chance.randrange(4))
    state.change(trust, trustAttributes=attributes, trustDirection=direction)
    return f"{trust.label} {attributes} {direction}"


def delete_trust(state: State) -> str:
    if len(state.trusts) < 2:
        create_trust(state)
    trust = state.chance.choice(state.trusts)
    state.delete(trust)
    return trust.label


def _some_trust(state: State) -> Item:
    if not state.trusts:
        create_trust(state)
    return state.chance.choice(state.trusts)
