"""Makes accounts of computers for load, beside a running controller, and exports their keys.

Run by Debian's python3: ``load_accounts.py SMB_CONF KEYTAB UNIT_DN ZONE_DN < wanted.json``:
``computers``, a list of name, dns_name, address and has_services, and ``delegate``, the account
that may act for others at those that have services, or nothing. Those that are there already stay
as they are. Everything is one transaction; the keytab holds the keys of the whole domain and is
for the caller to take apart.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import ldb  # type: ignore[import-not-found, unused-ignore]
import samba.dckeytab  # noqa: F401 - gives Net its export_keytab
from samba.auth import system_session
from samba.credentials import Credentials
from samba.dcerpc import dnsp
from samba.ndr import ndr_pack
from samba.net import Net
from samba.param import LoadParm
from samba.samdb import SamDB

WORKSTATION_TRUST = "4096"
AES_ONLY = "24"


def _address_record(address: str) -> bytes:
    record = dnsp.DnssrvRpcRecord()
    record.wType, record.rank = dnsp.DNS_TYPE_A, dnsp.DNS_RANK_ZONE
    record.dwSerial, record.dwTtlSeconds = 1, 900
    record.data = address
    return bytes(ndr_pack(record))


def add(samdb: SamDB, unit_dn: str, zone_dn: str, computers: list[dict[str, Any]]) -> int:
    """Adds what is missing; returns how many computers that were."""
    if not samdb.search(unit_dn.partition(",")[2], ldb.SCOPE_ONELEVEL, f"(ou={_unit(unit_dn)})"):
        samdb.add({"dn": unit_dn, "objectClass": "organizationalUnit"})
    found = samdb.search(unit_dn, ldb.SCOPE_ONELEVEL, attrs=["sAMAccountName"])
    present = {str(one["sAMAccountName"]) for one in found if "sAMAccountName" in one}
    missing = [one for one in computers if f"{one['name']}$" not in present]
    for one in missing:
        name, dns_name = one["name"], one["dns_name"]
        # Samba gives tickets for host/NAME also where only an object's own name is NAME.
        object_name = name if one["has_services"] else f"{name} without services"
        account = {
            "dn": f"CN={object_name},{unit_dn}",
            "objectClass": "computer",
            "sAMAccountName": f"{name}$",
            "dNSHostName": dns_name,
            "operatingSystem": "Windows 11 Enterprise",
            "operatingSystemVersion": "10.0 (22631)",
            "msDS-SupportedEncryptionTypes": AES_ONLY,
            "unicodePwd": f'"{name}-Load-2026!"'.encode("utf-16-le"),
            "userAccountControl": WORKSTATION_TRUST,
        }
        if one["has_services"]:
            account["servicePrincipalName"] = [f"HOST/{name}", f"HOST/{dns_name}"]
        samdb.add(account)
        samdb.add(
            {
                "dn": f"DC={name.lower()},{zone_dn}",
                "objectClass": "dnsNode",
                "dnsRecord": [_address_record(one["address"])],
            }
        )
    return len(missing)


def delegate(samdb: SamDB, name: str, computers: list[dict[str, Any]]) -> None:
    """Lets an account act for others at these computers too (classic constrained delegation)."""
    (account,) = samdb.search(
        samdb.domain_dn(),
        ldb.SCOPE_SUBTREE,
        f"(sAMAccountName={name})",
        attrs=["msDS-AllowedToDelegateTo"],
    )
    present = {str(value) for value in account.get("msDS-AllowedToDelegateTo", [])}
    wanted = {f"host/{one['dns_name']}" for one in computers if one["has_services"]}
    if missing := sorted(wanted - present):
        change = ldb.Message(account.dn)
        change["services"] = ldb.MessageElement(
            missing, ldb.FLAG_MOD_ADD, "msDS-AllowedToDelegateTo"
        )
        samdb.modify(change)


def _unit(unit_dn: str) -> str:
    return unit_dn.partition(",")[0].partition("=")[2]


def main(smb_conf: str, keytab: str, unit_dn: str, zone_dn: str) -> None:
    parameters = LoadParm()
    parameters.load(smb_conf)
    samdb = SamDB(
        url=parameters.private_path("sam.ldb"),
        session_info=system_session(),
        lp=parameters,
        flags=ldb.FLG_NOSYNC,
        options=["batch_mode:1"],
    )
    wanted = json.load(sys.stdin)
    samdb.transaction_start()
    try:
        added = add(samdb, unit_dn, zone_dn, wanted["computers"])
        if wanted["delegate"]:
            delegate(samdb, wanted["delegate"], wanted["computers"])
    except BaseException:
        samdb.transaction_cancel()
        raise
    samdb.transaction_commit()
    Net(Credentials(), parameters).export_keytab(keytab=keytab)
    print(json.dumps({"added": added}))


if __name__ == "__main__":
    main(*sys.argv[1:5])
