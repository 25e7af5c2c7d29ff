"""Makes a stopped, restored domain controller one that was restored: ``replace.py SMB_CONF``.

Run by Debian's python3. A restored directory database gets a new invocationId, which is how
readers of changes notice, and asks for a new pool of RIDs, because those after the backup may have
been given out ([MS-ADTS] 3.1.1.1.9, 3.1.1.1.11).
"""

from __future__ import annotations

import sys
import uuid

import ldb
from samba.auth import system_session
from samba.dcerpc import misc
from samba.ndr import ndr_pack
from samba.param import LoadParm
from samba.samdb import SamDB


def renew_invocation_id(samdb: SamDB) -> None:
    """The attribute belongs to the system: only a change that passes by its rules may set it."""
    change = ldb.Message(ldb.Dn(samdb, samdb.get_dsServiceName()))
    change["invocationId"] = ldb.MessageElement(
        ndr_pack(misc.GUID(str(uuid.uuid4()))), ldb.FLAG_MOD_REPLACE, "invocationId"
    )
    samdb.modify(change, ["relax:0", "provision:0"])


def discard_rids(samdb: SamDB, host_dn: str) -> None:
    """Marks every RID of the pool in use as given out."""
    found = samdb.search(
        f"CN=RID Set,{host_dn}", scope=ldb.SCOPE_BASE, attrs=["rIDPreviousAllocationPool"]
    )[0]
    highest = int(str(found["rIDPreviousAllocationPool"])) >> 32
    change = ldb.Message(found.dn)
    change["rIDNextRID"] = ldb.MessageElement(str(highest), ldb.FLAG_MOD_REPLACE, "rIDNextRID")
    samdb.modify(change, ["relax:0"])


def main(smb_conf: str) -> None:
    parameters = LoadParm()
    parameters.load(smb_conf)
    samdb = SamDB(
        url=parameters.private_path("sam.ldb"),
        session_info=system_session(),
        lp=parameters,
        flags=ldb.FLG_NOSYNC,  # nothing here must outlive a power cut
    )
    server = ldb.Dn(samdb, samdb.get_dsServiceName()).parent()
    found = samdb.search(server, scope=ldb.SCOPE_BASE, attrs=["serverReference"])[0]
    samdb.transaction_start()
    try:
        renew_invocation_id(samdb)
        discard_rids(samdb, str(found["serverReference"]))
    except BaseException:
        samdb.transaction_cancel()
        raise
    samdb.transaction_commit()


if __name__ == "__main__":
    main(sys.argv[1])
