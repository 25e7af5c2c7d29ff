"""Sets the attributes of a trust in the database of a controller, which may be running.

Run by Debian's python3: ``samba_trust.py SMB_CONF TRUST ATTRIBUTES``.
"""

from __future__ import annotations

import sys

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB


def main(smb_conf: str, trust: str, attributes: str) -> None:
    parameters = LoadParm()
    parameters.load(smb_conf)
    samdb = SamDB(
        url=parameters.private_path("sam.ldb"), session_info=system_session(), lp=parameters
    )
    change = ldb.Message(ldb.Dn(samdb, trust))
    change["trustAttributes"] = ldb.MessageElement(
        attributes, ldb.FLAG_MOD_REPLACE, "trustAttributes"
    )
    samdb.modify(change)


if __name__ == "__main__":
    main(*sys.argv[1:])
