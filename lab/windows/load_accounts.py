"""Makes accounts of computers for load, beside a running controller, and exports their keys.

Run by Debian's python3: ``load_accounts.py SMB_CONF KEYTAB UNIT_DN ZONE_DN < computers.json``,
a list of name, dns_name and address. Those that are there already stay as they are. Everything is
one transaction; the keytab holds the keys of the whole domain and is for the caller to take apart.
"""

from __future__ import annotations

import json
import sys

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


def add(samdb: SamDB, unit_dn: str, zone_dn: str, computers: list[dict[str, str]]) -> int:
    """Adds what is missing; returns how many computers that were."""
    if not samdb.search(unit_dn.partition(",")[2], ldb.SCOPE_ONELEVEL, f"(ou={_unit(unit_dn)})"):
        samdb.add({"dn": unit_dn, "objectClass": "organizationalUnit"})
    present = {str(one["cn"]) for one in samdb.search(unit_dn, ldb.SCOPE_ONELEVEL, attrs=["cn"])}
    missing = [one for one in computers if one["name"] not in present]
    for one in missing:
        name, dns_name = one["name"], one["dns_name"]
        samdb.add(
            {
                "dn": f"CN={name},{unit_dn}",
                "objectClass": "computer",
                "sAMAccountName": f"{name}$",
                "dNSHostName": dns_name,
                "operatingSystem": "Windows 11 Enterprise",
                "operatingSystemVersion": "10.0 (22631)",
                "servicePrincipalName": [f"HOST/{name}", f"HOST/{dns_name}"],
                "msDS-SupportedEncryptionTypes": AES_ONLY,
                "unicodePwd": f'"{name}-Load-2026!"'.encode("utf-16-le"),
                "userAccountControl": WORKSTATION_TRUST,
            }
        )
        samdb.add(
            {
                "dn": f"DC={name.lower()},{zone_dn}",
                "objectClass": "dnsNode",
                "dnsRecord": [_address_record(one["address"])],
            }
        )
    return len(missing)


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
    samdb.transaction_start()
    try:
        added = add(samdb, unit_dn, zone_dn, json.load(sys.stdin))
    except BaseException:
        samdb.transaction_cancel()
        raise
    samdb.transaction_commit()
    Net(Credentials(), parameters).export_keytab(keytab=keytab)
    print(json.dumps({"added": added}))


if __name__ == "__main__":
    main(*sys.argv[1:5])
