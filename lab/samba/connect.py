"""Writes into a filled, stopped domain what it knows of others: trusts, and who is from there.

Run by Debian's python3: ``connect.py SMB_CONF DOMAIN SIDS...``, with the files that ``fill.py``
made of the other domains. It writes what ``samba-tool domain trust create`` has two running domain
controllers write into each other ([MS-LSAD] 3.1.4.7.10), which takes seconds longer.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from pathlib import Path

import ldb
import samba
from samba.auth import system_session
from samba.dcerpc import drsblobs, lsa, security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lab import world

UPLEVEL = "2"  # trustType of an Active Directory domain ([MS-ADTS] 6.1.6.7.15)
INBOUND = 1  # in trustDirection: the partner trusts this domain
AES_ONLY = "24"
INTERDOMAIN_TRUST_ACCOUNT = "2048"
# Lets an account be a trust's; only Samba's own LSA server is meant to use it.
PERMIT_TRUST_ACCOUNT = "local_oid:1.3.6.1.4.1.7165.4.3.23:0"
PROVISIONING = "local_oid:1.3.6.1.4.1.7165.4.3.16:0"  # what only a migration may write
ALLOWED_TO_AUTHENTICATE = "68b1d179-0d15-4d4f-ab71-46152e79a7bc"  # [MS-ADTS] 5.1.3.2.1
TOP_LEVEL_NAME, DOMAIN_INFO = 0, 2  # record types ([MS-ADTS] 6.1.6.9.3)


def _shared_secret() -> bytes:
    """trustAuthIncoming and trustAuthOutgoing with the password of both sides."""
    password = world.TRUST_PASSWORD.encode("utf-16-le")
    clear = drsblobs.AuthInfoClear()
    clear.size, clear.password = len(password), list(password)
    information = drsblobs.AuthenticationInformation()
    information.LastUpdateTime = samba.unix2nttime(int(time.time()))
    information.AuthType = lsa.TRUST_AUTH_TYPE_CLEAR
    information.AuthInfo = clear
    array = drsblobs.AuthenticationInformationArray()
    array.count, array.array = 1, [information]
    blob = drsblobs.trustAuthInOutBlob()
    blob.count, blob.current, blob.previous = 1, array, array
    return ndr_pack(blob)


def _forest_trust_information(partner: world.Domain, sid: security.dom_sid) -> bytes:
    """msDS-TrustForestTrustInfo: the names that lead to the other forest ([MS-ADTS] 6.1.6.9.3)."""

    def counted(content: bytes) -> bytes:
        return struct.pack("<I", len(content)) + content

    def record(kind: int, content: bytes) -> bytes:
        return counted(struct.pack("<IQB", 0, samba.unix2nttime(int(time.time())), kind) + content)

    dns_name = counted(partner.dns_name.encode())
    domain = counted(ndr_pack(sid)) + dns_name + counted(partner.netbios_name.encode())
    return struct.pack("<II", 1, 2) + record(TOP_LEVEL_NAME, dns_name) + record(DOMAIN_INFO, domain)


def add_trust(samdb: SamDB, domain: world.Domain, trust: world.Trust, sids: dict[str, str]) -> None:
    """Adds the trusted domain and, where the partner trusts this one, the account it uses here."""
    sid = security.dom_sid(trust.sid or sids[trust.partner])
    record: dict[str, object] = {
        "dn": f"CN={trust.partner},CN=System,{domain.base_dn}",
        "objectClass": "trustedDomain",
        "trustPartner": trust.partner,
        "flatName": trust.netbios_name,
        "securityIdentifier": ndr_pack(sid),
        "trustDirection": str(trust.direction),
        "trustType": UPLEVEL,
        "trustAttributes": str(trust.attributes),
    }
    if trust.is_live:
        secret = _shared_secret()
        partner = world.domain(trust.partner)
        record |= {
            "trustAuthIncoming": secret,
            "trustAuthOutgoing": secret,
            "msDS-SupportedEncryptionTypes": AES_ONLY,
            "msDS-TrustForestTrustInfo": _forest_trust_information(partner, sid),
        }
    samdb.add(record, ["relax:0"])
    if trust.is_live and trust.direction & INBOUND:
        samdb.add(
            {
                "dn": f"CN={trust.netbios_name}$,CN=Users,{domain.base_dn}",
                "objectClass": "user",
                "sAMAccountName": f"{trust.netbios_name}$",
                "userAccountControl": INTERDOMAIN_TRUST_ACCOUNT,
                "clearTextPassword": world.TRUST_PASSWORD.encode("utf-16-le"),
            },
            [PERMIT_TRUST_ACCOUNT],
        )


def add_foreign_members(
    samdb: SamDB, domain: world.Domain, group: world.SecurityGroup, sids: dict[str, str]
) -> None:
    """Makes principals of the other forest members; Samba adds their objects in this one."""
    found = samdb.search(domain.base_dn, expression=f"(sAMAccountName={group.name})", attrs=["cn"])
    change = ldb.Message(found[0].dn)
    change["member"] = ldb.MessageElement(
        [f"<SID={sids[member]}>" for member in group.foreign_members], ldb.FLAG_MOD_ADD, "member"
    )
    samdb.modify(change)


def add_past_sids(samdb: SamDB, domain: world.Domain, sids: dict[str, str]) -> None:
    """What a migration leaves: the SIDs that accounts had in the other domain."""
    for person in domain.people:
        if person.was:
            change = ldb.Message(_dn_of(samdb, domain, person.name))
            change["sIDHistory"] = ldb.MessageElement(
                [ndr_pack(security.dom_sid(sids[person.was]))], ldb.FLAG_MOD_ADD, "sIDHistory"
            )
            samdb.modify(change, [PROVISIONING])


def let_authenticate(samdb: SamDB, domain: world.Domain, sids: dict[str, str]) -> None:
    """Gives Allowed to Authenticate on computers, which selective authentication goes by."""
    for computer in domain.computers:
        if not computer.may_authenticate:
            continue
        dn = _dn_of(samdb, domain, f"{computer.name}$")
        found = samdb.search(dn, scope=ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"])
        descriptor = ndr_unpack(security.descriptor, found[0]["nTSecurityDescriptor"][0])
        own = security.dom_sid(samdb.get_domain_sid())
        head, opening, entries = descriptor.as_sddl(own).partition("(")
        allowed = "".join(
            f"(OA;;CR;{ALLOWED_TO_AUTHENTICATE};;{sids[name]})"
            for name in computer.may_authenticate
        )
        changed = security.descriptor.from_sddl(head + allowed + opening + entries, own)
        change = ldb.Message(dn)
        change["nTSecurityDescriptor"] = ldb.MessageElement(
            ndr_pack(changed), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor"
        )
        samdb.modify(change)


def _dn_of(samdb: SamDB, domain: world.Domain, account_name: str) -> ldb.Dn:
    expression = f"(sAMAccountName={account_name})"
    return samdb.search(domain.base_dn, expression=expression, attrs=["cn"])[0].dn


def main(smb_conf: str, domain: world.Domain, sids_files: list[str]) -> None:
    sids: dict[str, str] = {}
    for file in sids_files:
        sids |= json.loads(Path(file).read_text())
    parameters = LoadParm()
    parameters.load(smb_conf)
    samdb = SamDB(
        url=parameters.private_path("sam.ldb"),
        session_info=system_session(),
        lp=parameters,
        flags=ldb.FLG_NOSYNC,  # nothing here must outlive a power cut
    )
    samdb.transaction_start()
    try:
        for trust in domain.trusts:
            add_trust(samdb, domain, trust, sids)
        for group in domain.groups:
            if group.foreign_members:
                add_foreign_members(samdb, domain, group, sids)
        add_past_sids(samdb, domain, sids)
        let_authenticate(samdb, domain, sids)
    except BaseException:
        samdb.transaction_cancel()
        raise
    samdb.transaction_commit()


if __name__ == "__main__":
    main(sys.argv[1], world.domain(sys.argv[2]), sys.argv[3:])
