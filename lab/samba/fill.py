"""Fills a freshly provisioned, stopped domain controller with the lab's world.

Run by Debian's python3: ``fill.py SMB_CONF``. It writes to the databases and to SYSVOL directly,
which takes a second where single LDAP calls take a minute.
"""

from __future__ import annotations

import sys
import time
import uuid
from pathlib import Path

import ldb
from samba.auth import system_session
from samba.dcerpc import dnsp, security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.provision.sambadns import ARecord, NSRecord, SOARecord
from samba.samdb import SamDB

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lab import world
from lab.samba.policies import add_policies

ADS_UF_NORMAL_ACCOUNT = 0x200
ADS_UF_ACCOUNTDISABLE = 0x2
ADS_UF_DONT_EXPIRE_PASSWD = 0x10000
ADS_UF_WORKSTATION_TRUST_ACCOUNT = 0x1000
GROUP_GLOBAL_SECURITY = -2147483646
GROUP_GLOBAL_DISTRIBUTION = 2
AES_ONLY = "24"  # msDS-SupportedEncryptionTypes: AES128 and AES256
LONG_AGO_AS_FILETIME = str((1_704_067_200 + 11_644_473_600) * 10_000_000)  # 2024-01-01


def _password(text: str) -> bytes:
    return f'"{text}"'.encode("utf-16-le")


def add_units(samdb: SamDB) -> None:
    for unit in world.UNITS:
        record = {"dn": unit.distinguished_name, "objectClass": "organizationalUnit"}
        if unit.blocks_inheritance:
            record["gPOptions"] = "1"
        samdb.add(record)


def _password_of(person: world.Person) -> str:
    return {
        world.DIRECTORY_ACCOUNT: world.DIRECTORY_ACCOUNT_PASSWORD,
        world.PORTAL_ACCOUNT: world.PORTAL_ACCOUNT_PASSWORD,
    }.get(person.name, world.PERSON_PASSWORD)


def add_people(samdb: SamDB) -> dict[str, str]:
    """Adds the accounts; returns the distinguished name of each."""
    names = {}
    for person in world.PEOPLE:
        dn = f"CN={person.display_name},OU={person.unit},{world.BASE_DN}"
        flags = ADS_UF_NORMAL_ACCOUNT | ADS_UF_DONT_EXPIRE_PASSWD
        record: dict[str, object] = {
            "dn": dn,
            "objectClass": "user",
            "sAMAccountName": person.name,
            "userPrincipalName": f"{person.name}@{world.DNS_NAME}",
            "givenName": person.given_name,
            "sn": person.surname,
            "displayName": person.display_name,
            "mail": f"{person.name}@{world.DNS_NAME}",
            "unicodePwd": _password(_password_of(person)),
            "userAccountControl": str(flags | (ADS_UF_ACCOUNTDISABLE if person.disabled else 0)),
        }
        if person.title:
            record["title"] = person.title
        if person.expired:
            record["accountExpires"] = LONG_AGO_AS_FILETIME
        if person.service:
            record["msDS-SupportedEncryptionTypes"] = AES_ONLY
        samdb.add(record)
        names[person.name] = dn
    return names


def add_computers(samdb: SamDB) -> dict[str, str]:
    """Adds the computer accounts; returns the distinguished name of each."""
    names = {}
    units = {unit.name: unit.distinguished_name for unit in world.UNITS}
    for computer in world.COMPUTERS:
        dn = f"CN={computer.name},{units[computer.unit]}"
        flags = ADS_UF_WORKSTATION_TRUST_ACCOUNT
        samdb.add(
            {
                "dn": dn,
                "objectClass": "computer",
                "sAMAccountName": f"{computer.name}$",
                "dNSHostName": computer.dns_name,
                "operatingSystem": computer.operating_system,
                "operatingSystemVersion": computer.operating_system_version,
                "servicePrincipalName": [
                    f"HOST/{computer.name}",
                    f"HOST/{computer.dns_name}",
                    f"RestrictedKrbHost/{computer.name}",
                    f"RestrictedKrbHost/{computer.dns_name}",
                ],
                "msDS-SupportedEncryptionTypes": AES_ONLY,
                "unicodePwd": _password(f"{computer.name}-{uuid.uuid4()}"),
                "userAccountControl": str(
                    flags | (ADS_UF_ACCOUNTDISABLE if computer.disabled else 0)
                ),
            }
        )
        names[computer.name] = dn
    return names


def add_groups(samdb: SamDB, members: dict[str, str]) -> None:
    """Adds the groups first and their members after, because groups hold each other."""
    names = dict(members)
    for group in world.GROUPS:
        if group.builtin:
            names[group.name] = f"CN={group.name},CN=Users,{world.BASE_DN}"
            continue
        names[group.name] = f"CN={group.name},OU=Vancouver,{world.BASE_DN}"
        kind = GROUP_GLOBAL_DISTRIBUTION if group.distribution else GROUP_GLOBAL_SECURITY
        samdb.add(
            {
                "dn": names[group.name],
                "objectClass": "group",
                "sAMAccountName": group.name,
                "groupType": str(kind),
            }
        )
    for group in world.GROUPS:
        change = ldb.Message(ldb.Dn(samdb, names[group.name]))
        change["member"] = ldb.MessageElement(
            [names[member] for member in group.members], ldb.FLAG_MOD_ADD, "member"
        )
        samdb.modify(change)


def add_trust(samdb: SamDB) -> None:
    """A trust that can be read and leads nowhere: contoso.test trusts this domain, one way."""
    samdb.add(
        {
            "dn": f"CN=contoso.test,CN=System,{world.BASE_DN}",
            "objectClass": "trustedDomain",
            "trustPartner": "contoso.test",
            "flatName": "CONTOSO",
            "securityIdentifier": ndr_pack(
                security.dom_sid("S-1-5-21-1004336348-1177238915-682003330")
            ),
            "trustDirection": "1",
            "trustType": "2",
            "trustAttributes": "4",
        },
        ["relax:0"],
    )


def _write_records(samdb: SamDB, dn: str, records: list[dnsp.DnssrvRpcRecord]) -> None:
    samdb.add(
        {
            "dn": dn,
            "objectClass": "dnsNode",
            "dnsRecord": [ndr_pack(record) for record in records],
        }
    )


def _pointer(name: str) -> dnsp.DnssrvRpcRecord:
    """A PTR record, which Samba's provisioning has no class for."""
    record = dnsp.DnssrvRpcRecord()
    record.wType, record.rank = dnsp.DNS_TYPE_PTR, dnsp.DNS_RANK_ZONE
    record.dwSerial, record.dwTtlSeconds = 1, 900
    record.data = name
    return record


def add_dns(samdb: SamDB) -> None:
    """Addresses of the computers, and a reverse zone that names them."""
    partition = f"CN=MicrosoftDNS,DC=DomainDnsZones,{world.BASE_DN}"
    forward = f"DC={world.DNS_NAME},{partition}"
    first, second, third = world.COMPUTER_NETWORK.rstrip(".").split(".")
    reverse = f"DC={third}.{second}.{first}.in-addr.arpa,{partition}"
    controller = f"{world.CONTROLLER_NAME}.{world.DNS_NAME}"
    properties = samdb.search(forward, scope=ldb.SCOPE_BASE, attrs=["dNSProperty"])[0]
    samdb.add(
        {
            "dn": reverse,
            "objectClass": "dnsZone",
            "dNSProperty": [bytes(value) for value in properties["dNSProperty"]],
        }
    )
    _write_records(
        samdb,
        f"DC=@,{reverse}",
        [
            SOARecord(controller, f"hostmaster.{world.DNS_NAME}"),
            NSRecord(controller),
        ],
    )
    for computer in world.COMPUTERS:
        if computer.in_dns:
            name = f"DC={computer.name.lower()},{forward}"
            _write_records(samdb, name, [ARecord(computer.address)])
            octet = f"DC={computer.last_octet},{reverse}"
            _write_records(samdb, octet, [_pointer(computer.dns_name)])


def add_controller_services(samdb: SamDB) -> None:
    """The names that the dnsupdate service would register: ldap/ and cifs/ for LDAP and SMB."""
    dn = f"CN={world.CONTROLLER_NAME.upper()},OU=Domain Controllers,{world.BASE_DN}"
    have = {str(value).lower() for value in samdb.search(dn, scope=0)[0]["servicePrincipalName"]}
    host = f"{world.CONTROLLER_NAME}.{world.DNS_NAME}"
    wanted = [f"{service}/{host}" for service in ("ldap", "cifs")]
    change = ldb.Message(ldb.Dn(samdb, dn))
    change["servicePrincipalName"] = ldb.MessageElement(
        [name for name in wanted if name not in have], ldb.FLAG_MOD_ADD, "servicePrincipalName"
    )
    samdb.modify(change)


def let_read_deleted_objects(samdb: SamDB) -> None:
    """Gives the reading account what an administrator gives by ``dsacls`` (list and read)."""
    found = samdb.search(
        world.BASE_DN,
        expression=f"(sAMAccountName={world.DIRECTORY_ACCOUNT})",
        attrs=["objectSid"],
    )
    reader = ndr_unpack(security.dom_sid, found[0]["objectSid"][0])
    for naming_context in (
        world.BASE_DN,
        f"CN=Configuration,{world.BASE_DN}",
        f"DC=DomainDnsZones,{world.BASE_DN}",
        f"DC=ForestDnsZones,{world.BASE_DN}",
    ):
        _let_read(samdb, f"CN=Deleted Objects,{naming_context}", reader)


def _let_read(samdb: SamDB, dn: str, reader: security.dom_sid) -> None:
    container = samdb.search(
        dn,
        scope=ldb.SCOPE_BASE,
        attrs=["nTSecurityDescriptor"],
        controls=["show_deleted:1", "sd_flags:1:7"],
    )
    descriptor = ndr_unpack(security.descriptor, container[0]["nTSecurityDescriptor"][0])
    allowed = descriptor.as_sddl().replace("(A;", f"(A;;RPLC;;;{reader})(A;", 1)
    changed = security.descriptor.from_sddl(allowed, security.dom_sid(samdb.get_domain_sid()))
    message = ldb.Message(ldb.Dn(samdb, dn))
    message["nTSecurityDescriptor"] = ldb.MessageElement(
        ndr_pack(changed), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor"
    )
    samdb.modify(message, controls=["show_deleted:1", "sd_flags:1:4"])


def main(smb_conf: str) -> None:
    began = time.monotonic()
    parameters = LoadParm()
    parameters.load(smb_conf)
    samdb = SamDB(
        url=parameters.private_path("sam.ldb"), session_info=system_session(), lp=parameters
    )
    samdb.transaction_start()
    try:
        add_units(samdb)
        members = add_people(samdb) | add_computers(samdb)
        add_groups(samdb, members)
        add_trust(samdb)
        add_dns(samdb)
        add_controller_services(samdb)
        domain_sid = security.dom_sid(samdb.get_domain_sid())
        let_read_deleted_objects(samdb)
        add_policies(samdb, Path(parameters.get("state directory")) / "sysvol", domain_sid)
    except BaseException:
        samdb.transaction_cancel()
        raise
    samdb.transaction_commit()
    print(f"filled in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1])
