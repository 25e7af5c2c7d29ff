"""Exports keytabs: ``keytabs.py SMB_CONF FOLDER FILE=PRINCIPAL ...``, by Debian's python3."""

from __future__ import annotations

import sys
from pathlib import Path

import samba.dckeytab  # noqa: F401 - gives Net its export_keytab
from samba.credentials import Credentials
from samba.net import Net
from samba.param import LoadParm


def main(smb_conf: str, folder: str, wanted: list[str]) -> None:
    parameters = LoadParm()
    parameters.load(smb_conf)
    net = Net(Credentials(), parameters)
    for pair in wanted:
        file, _, principal = pair.partition("=")
        net.export_keytab(keytab=str(Path(folder) / f"{file}.keytab"), principal=principal)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
