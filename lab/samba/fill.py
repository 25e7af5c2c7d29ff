"""Fills a freshly provisioned, stopped domain controller with its domain of the lab's world.

Run by Debian's python3: ``fill.py SMB_CONF DOMAIN SIDS``. It writes to the databases and to SYSVOL
directly, which takes a second where single LDAP calls take a minute. SIDS is a file that it makes,
for the other domains: the domain's own SID by its DNS name, and those of its accounts and groups
by ``R2\\name``.
"""

from __future__ import annotations

import json
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
from lab.samba.sites import add_sites

ADS_UF_NORMAL_ACCOUNT = 0x200
ADS_UF_ACCOUNTDISABLE = 0x2
ADS_UF_DONT_EXPIRE_PASSWD = 0x10000
ADS_UF_WORKSTATION_TRUST_ACCOUNT = 0x1000
ADS_UF_NOT_DELEGATED = 0x100000
GROUP_SCOPES = {"global": 0x2, "domain local": 0x4, "universal": 0x8}
GROUP_SECURITY = -0x80000000
AES_ONLY = "24"  # msDS-SupportedEncryptionTypes: AES128 and AES256
LONG_AGO_AS_FILETIME = str((1_704_067_200 + 11_644_473_600) * 10_000_000)  # 2024-01-01


def _password(text: str) -> bytes:
    return f'"{text}"'.encode("utf-16-le")


def add_units(samdb: SamDB, domain: world.Domain) -> None:
    for unit in domain.units:
        record = {"dn": domain.unit_dn(unit.name), "objectClass": "organizationalUnit"}
        if unit.blocks_inheritance:
            record["gPOptions"] = "1"
        samdb.add(record)


def add_people(samdb: SamDB, domain: world.Domain) -> dict[str, str]:
    """Adds the accounts; returns the distinguished name of each."""
    names = {}
    for person in domain.people:
        dn = f"CN={person.display_name},{domain.unit_dn(person.unit)}"
        flags = ADS_UF_NORMAL_ACCOUNT | ADS_UF_DONT_EXPIRE_PASSWD
        flags |= ADS_UF_NOT_DELEGATED if person.sensitive else 0
        record: dict[str, object] = {
            "dn": dn,
            "objectClass": "user",
            "sAMAccountName": person.name,
            "userPrincipalName": f"{person.name}@{domain.dns_name}",
            "givenName": person.given_name,
            "sn": person.surname,
            "displayName": person.display_name,
            "mail": f"{person.name}@{domain.dns_name}",
            "unicodePwd": _password(domain.password_of(person)),
            "userAccountControl": str(flags | (ADS_UF_ACCOUNTDISABLE if person.disabled else 0)),
        }
        if person.title:
            record["title"] = person.title
        if person.expired:
            record["accountExpires"] = LONG_AGO_AS_FILETIME
        if person.service:
            record["msDS-SupportedEncryptionTypes"] = AES_ONLY
        if person.services:
            record["servicePrincipalName"] = list(person.services)
        if person.delegates:
            record["msDS-AllowedToDelegateTo"] = [
                f"host/{one.dns_name}" for one in domain.computers if one.behaviour
            ]
        samdb.add(record)
        names[person.name] = dn
    return names


def add_computers(samdb: SamDB, domain: world.Domain) -> dict[str, str]:
    """Adds the computer accounts; returns the distinguished name of each."""
    names = {}
    for computer in domain.computers:
        dn = f"CN={computer.name},{domain.unit_dn(computer.unit)}"
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


def add_groups(samdb: SamDB, domain: world.Domain, members: dict[str, str]) -> None:
    """Adds the groups first and their members after, because groups hold each other."""
    names = dict(members)
    for group in domain.groups:
        if group.builtin:
            names[group.name] = f"CN={group.name},CN=Users,{domain.base_dn}"
            continue
        names[group.name] = f"CN={group.name},{domain.unit_dn(domain.groups_unit)}"
        kind = GROUP_SCOPES[group.scope] | (0 if group.distribution else GROUP_SECURITY)
        samdb.add(
            {
                "dn": names[group.name],
                "objectClass": "group",
                "sAMAccountName": group.name,
                "groupType": str(kind),
            }
        )
    for group in domain.groups:
        change = ldb.Message(ldb.Dn(samdb, names[group.name]))
        change["member"] = ldb.MessageElement(
            [names[member] for member in group.members], ldb.FLAG_MOD_ADD, "member"
        )
        samdb.modify(change)


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


def add_dns(samdb: SamDB, domain: world.Domain) -> None:
    """Addresses of the computers, and a reverse zone of each of their networks that names them."""
    partition = f"CN=MicrosoftDNS,DC=DomainDnsZones,{domain.base_dn}"
    forward = f"DC={domain.dns_name},{partition}"
    reverse = {
        network: f"DC={'.'.join(reversed(network.split('.')))}.in-addr.arpa,{partition}"
        for network in domain.networks
    }
    controller = domain.controller_host
    properties = samdb.search(forward, scope=ldb.SCOPE_BASE, attrs=["dNSProperty"])[0]
    for zone in reverse.values():
        samdb.add(
            {
                "dn": zone,
                "objectClass": "dnsZone",
                "dNSProperty": [bytes(value) for value in properties["dNSProperty"]],
            }
        )
        authority = [SOARecord(controller, f"hostmaster.{domain.dns_name}"), NSRecord(controller)]
        _write_records(samdb, f"DC=@,{zone}", authority)
    for computer in domain.computers:
        if computer.in_dns:
            name = f"DC={computer.name.lower()},{forward}"
            _write_records(samdb, name, [ARecord(computer.address)])
            octet = f"DC={computer.last_octet},{reverse[computer.network.rstrip('.')]}"
            _write_records(samdb, octet, [_pointer(computer.dns_name)])


def add_controller_services(samdb: SamDB, domain: world.Domain) -> None:
    """The names that the dnsupdate service would register: ldap/ and cifs/ for LDAP and SMB."""
    dn = f"CN={domain.controller.name.upper()},OU=Domain Controllers,{domain.base_dn}"
    have = {str(value).lower() for value in samdb.search(dn, scope=0)[0]["servicePrincipalName"]}
    wanted = [f"{service}/{domain.controller_host}" for service in ("ldap", "cifs")]
    change = ldb.Message(ldb.Dn(samdb, dn))
    change["servicePrincipalName"] = ldb.MessageElement(
        [name for name in wanted if name not in have], ldb.FLAG_MOD_ADD, "servicePrincipalName"
    )
    samdb.modify(change)


def let_read_deleted_objects(samdb: SamDB, domain: world.Domain) -> None:
    """Gives the reading account what an administrator gives by ``dsacls`` (list and read)."""
    found = samdb.search(
        domain.base_dn,
        expression=f"(sAMAccountName={world.DIRECTORY_ACCOUNT})",
        attrs=["objectSid"],
    )
    reader = ndr_unpack(security.dom_sid, found[0]["objectSid"][0])
    for naming_context in (
        domain.base_dn,
        f"CN=Configuration,{domain.base_dn}",
        f"DC=DomainDnsZones,{domain.base_dn}",
        f"DC=ForestDnsZones,{domain.base_dn}",
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


def sids(samdb: SamDB, domain: world.Domain) -> dict[str, str]:
    """What the other domains have to know: see the head of this file."""
    found = samdb.search(
        domain.base_dn,
        expression="(&(objectSid=*)(|(objectClass=user)(objectClass=group)))",
        attrs=["sAMAccountName", "objectSid"],
    )
    return {domain.dns_name: str(samdb.get_domain_sid())} | {
        rf"{domain.netbios_name}\{one['sAMAccountName']}": str(
            ndr_unpack(security.dom_sid, one["objectSid"][0])
        )
        for one in found
    }


def main(smb_conf: str, domain: world.Domain, sids_file: Path) -> None:
    began = time.monotonic()
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
        add_units(samdb, domain)
        members = add_people(samdb, domain) | add_computers(samdb, domain)
        add_groups(samdb, domain, members)
        add_sites(samdb, domain)
        add_dns(samdb, domain)
        add_controller_services(samdb, domain)
        if domain.reads_deleted_objects:
            let_read_deleted_objects(samdb, domain)
        domain_sid = security.dom_sid(samdb.get_domain_sid())
        add_policies(samdb, domain, Path(parameters.get("state directory")) / "sysvol", domain_sid)
    except BaseException:
        samdb.transaction_cancel()
        raise
    samdb.transaction_commit()
    sids_file.write_text(json.dumps(sids(samdb, domain)))
    print(f"filled in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1], world.domain(sys.argv[2]), Path(sys.argv[3]))
