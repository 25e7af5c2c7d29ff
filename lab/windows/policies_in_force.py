"""Reads the domain's policies as its computers have them in force.

Run by Debian's python3, where python3-samba lives: ``policies_in_force.py SMB_CONF
[COMPUTER]``. Prints JSON:
for each computer whether offers and control are allowed and the SIDs of its helpers, the SIDs of
the domain's accounts and groups by name, and what NTLM needs of the accounts. It reads the
directory's database and the files of SYSVOL, not ``lab.world``: what a computer refuses must follow
from what an administrator set.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import ldb  # type: ignore[import-not-found, unused-ignore]
from samba.auth import system_session
from samba.dcerpc import preg, security
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

TERMINAL_SERVICES = r"software\policies\microsoft\windows nt\terminal services"
HELPERS = TERMINAL_SERVICES + r"\raunsolicit"
APPLY_GROUP_POLICY = "edacfd8f-ffb3-11d1-b41d-00a0c968f939"
AUTHENTICATED_USERS, EVERYONE = "S-1-5-11", "S-1-1-0"
LINK = re.compile(r"\[LDAP://([^;\]]+);(\d+)\]", re.IGNORECASE)
BLOCKS_INHERITANCE = 1
LINK_DISABLED, LINK_ENFORCED = 1, 2
COMPUTER_HALF_DISABLED = 2


@dataclass(frozen=True)
class InForce:
    """Offer Remote Assistance as one computer has it. None is not configured."""

    offers: bool | None
    control: bool | None
    helpers: tuple[str, ...]


def _attribute(message: ldb.Message, name: str, otherwise: str = "") -> str:
    return str(message[name][0]) if name in message else otherwise


def _links(samdb: SamDB, computer_dn: ldb.Dn) -> list[str]:
    """DNs of the policies linked above a computer, the one that wins last."""
    ordinary: list[str] = []
    enforced: list[str] = []
    blocked = False
    above = computer_dn.parent()
    while above is not None and str(above):
        found = samdb.search(above, scope=ldb.SCOPE_BASE, attrs=["gPLink", "gPOptions"])
        here_ordinary, here_enforced = [], []
        # The last link of the text is number 1 in the link order, and number 1 wins.
        for dn, options in LINK.findall(_attribute(found[0], "gPLink")):
            if int(options) & LINK_DISABLED:
                continue
            if int(options) & LINK_ENFORCED:
                here_enforced.append(dn)
            elif not blocked:
                here_ordinary.append(dn)
        ordinary = here_ordinary + ordinary
        enforced = enforced + here_enforced
        blocked = blocked or _attribute(found[0], "gPOptions", "0") == str(BLOCKS_INHERITANCE)
        if str(above).upper().startswith("DC="):
            break
        above = above.parent()
    return ordinary + enforced


def _may_apply(samdb: SamDB, policy: ldb.Message, computer: ldb.Message) -> bool:
    """Security filtering: whether the computer has the right Apply Group Policy."""
    sids = {str(ndr_unpack(security.dom_sid, sid)) for sid in computer.get("tokenGroups", [])}
    sids |= {
        str(ndr_unpack(security.dom_sid, computer["objectSid"][0])),
        AUTHENTICATED_USERS,
        EVERYONE,
    }
    descriptor = ndr_unpack(security.descriptor, policy["nTSecurityDescriptor"][0])
    allowed = False
    for ace in descriptor.dacl.aces:
        is_apply = getattr(ace.object, "flags", 0) and str(ace.object.type) == APPLY_GROUP_POLICY
        if is_apply and str(ace.trustee) in sids:
            if ace.type == security.SEC_ACE_TYPE_ACCESS_DENIED_OBJECT:
                return False
            allowed = True
    return allowed


def _has_battery() -> bool:
    """What the WMI filter in the lab asks; every simulated computer is a desktop."""
    return False


def _entries(sysvol: Path, policy: ldb.Message) -> list[preg.entry]:
    folder = Path(*_attribute(policy, "gPCFileSysPath").lstrip("\\").split("\\")[2:])
    file = sysvol / folder / "Machine" / "Registry.pol"
    if not file.exists():
        return []
    return list(ndr_unpack(preg.file, file.read_bytes()).entries)


def _sid_of(names: dict[str, str], helper: str) -> str | None:
    """The SID of a helper as the Windows of a domain member looks it up; None for a stranger."""
    domain, _, name = helper.rpartition("\\")
    if domain.lower() not in ("", "r2", "r2.local"):
        return None
    return names.get(name.lower())


def in_force(samdb: SamDB, sysvol: Path, computer_dn: ldb.Dn, names: dict[str, str]) -> InForce:
    """The values that a computer ends with after all of its policies."""
    computer = samdb.search(computer_dn, scope=ldb.SCOPE_BASE, attrs=["objectSid", "tokenGroups"])[
        0
    ]
    values: dict[str, int] = {}
    helpers: list[str] = []
    for dn in _links(samdb, computer_dn):
        try:
            policy = samdb.search(
                dn,
                scope=ldb.SCOPE_BASE,
                attrs=["gPCFileSysPath", "flags", "gPCWQLFilter", "nTSecurityDescriptor"],
            )[0]
        except ldb.LdbError:
            continue
        if int(_attribute(policy, "flags", "0")) & COMPUTER_HALF_DISABLED:
            continue
        if "gPCWQLFilter" in policy and not _has_battery():
            continue
        if not _may_apply(samdb, policy, computer):
            continue
        for entry in _entries(sysvol, policy):
            key, name = entry.keyname.lower(), entry.valuename.lower()
            if key == TERMINAL_SERVICES and name.startswith("**del."):
                values.pop(name[len("**del.") :], None)
            elif key == TERMINAL_SERVICES and name.startswith("fallowunsolicited"):
                values[name] = int(entry.data)
            elif key == HELPERS and name.startswith("**delvals"):
                helpers = []
            elif key == HELPERS:
                helpers.append(str(entry.data).rstrip("\0"))
    offers = values.get("fallowunsolicited")
    control = values.get("fallowunsolicitedfullcontrol")
    sids = [sid for sid in (_sid_of(names, helper) for helper in helpers) if sid]
    return InForce(
        None if offers is None else bool(offers),
        None if control is None else bool(control),
        tuple(sids),
    )


def accounts(samdb: SamDB) -> dict[str, dict[str, object]]:
    """NT hash, SID and groups of the accounts in use, by name; those made in bulk are left out."""
    found: dict[str, dict[str, object]] = {}
    for account in samdb.search(
        expression="(&(objectCategory=person)(sAMAccountType=805306368)"
        "(!(userAccountControl:1.2.840.113556.1.4.803:=2)))",
        attrs=["sAMAccountName", "objectSid", "unicodePwd"],
    ):
        if "unicodePwd" not in account or "OU=Bulk," in str(account.dn):
            continue
        token = samdb.search(account.dn, scope=ldb.SCOPE_BASE, attrs=["tokenGroups"])[0]
        found[_attribute(account, "sAMAccountName").lower()] = {
            "nt_hash": bytes(account["unicodePwd"][0]).hex(),
            "sid": str(ndr_unpack(security.dom_sid, account["objectSid"][0])),
            "groups": [
                str(ndr_unpack(security.dom_sid, sid)) for sid in token.get("tokenGroups", [])
            ],
        }
    return found


def main(smb_conf: str, only: str = "") -> None:
    parameters = LoadParm()
    parameters.load(smb_conf)
    samdb = SamDB(
        url=parameters.private_path("sam.ldb"),
        session_info=system_session(),
        lp=parameters,
        flags=ldb.FLG_RDONLY,
    )
    sysvol = Path(parameters.get("state directory")) / "sysvol"
    names = {}
    for found in samdb.search(
        expression="(&(sAMAccountName=*)(objectSid=*))", attrs=["sAMAccountName", "objectSid"]
    ):
        sid = str(ndr_unpack(security.dom_sid, found["objectSid"][0]))
        names[_attribute(found, "sAMAccountName").lower()] = sid
    computers = {}
    for_load = "(|(sAMAccountName=LOAD-*)(sAMAccountName=NTLM-*))"
    wanted = f"(sAMAccountName={only}$)" if only else f"(!{for_load})"
    for found in samdb.search(
        expression=f"(&(objectClass=computer){wanted})", attrs=["sAMAccountName"]
    ):
        name = _attribute(found, "sAMAccountName").removesuffix("$").upper()
        computers[name] = asdict(in_force(samdb, sysvol, found.dn, names))
    print(json.dumps({"computers": computers, "sids": names, "accounts": accounts(samdb)}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
