"""Writes who may act for others at a computer, past the schema, which reserves that for the system.

Run by Debian's python3: ``samba_delegation.py SMB_CONF DN [SDDL]``; without SDDL it is cleared. The
descriptor is packed by Samba.
"""

from __future__ import annotations

import sys

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack
from samba.param import LoadParm
from samba.samdb import SamDB

ATTRIBUTE = "msDS-AllowedToActOnBehalfOfOtherIdentity"


def main(smb_conf: str, name: str, sddl: str = "") -> None:
    parameters = LoadParm()
    parameters.load(smb_conf)
    samdb = SamDB(
        url=parameters.private_path("sam.ldb"), session_info=system_session(), lp=parameters
    )
    values = []
    if sddl:
        domain = security.dom_sid(samdb.get_domain_sid())
        values = [ndr_pack(security.descriptor.from_sddl(sddl, domain))]
    message = ldb.Message(ldb.Dn(samdb, name))
    message[ATTRIBUTE] = ldb.MessageElement(values, ldb.FLAG_MOD_REPLACE, ATTRIBUTE)
    samdb.modify(message, controls=["relax:0"])


if __name__ == "__main__":
    main(*sys.argv[1:])
