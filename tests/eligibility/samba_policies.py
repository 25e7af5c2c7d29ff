"""Which policies Samba itself would apply to computers, in the order of processing.

Run by Debian's python3, where a controller runs: ``samba_policies.py SMB_CONF HOST ADMINISTRATOR
PASSWORD COMPUTER...``. It prints one JSON object: names of policies by computer. Samba's client of
Group Policy (libgpo) goes by links, enforcement, blocks and permissions; of WMI filters and of
disabled halves it knows nothing.
"""

from __future__ import annotations

import json
import sys

from samba import gpo
from samba.credentials import Credentials
from samba.param import LoadParm


def main(smb_conf: str, host: str, name: str, password: str, *computers: str) -> None:
    parameters = LoadParm()
    parameters.load(smb_conf)
    credentials = Credentials()
    credentials.guess(parameters)
    credentials.set_username(name)
    credentials.set_password(password)
    directory = gpo.ADS_STRUCT(host, parameters, credentials)
    if not directory.connect():
        sys.exit(f"no connection with {host}")
    found = {
        computer: [policy.display_name for policy in directory.get_gpo_list(f"{computer}$")]
        for computer in computers
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
