"""What the lab needs of the machine: root, and Debian's packages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab.errors import LabError

PROGRAMS = {
    "samba": "samba",
    "samba-tool": "samba-common-bin",
    "winbindd": "winbind",
    "kinit": "krb5-user",
    "unshare": "util-linux",
    "freerdp-shadow-cli": "freerdp2-shadow-x11",
    "Xvfb": "xvfb",
    "zstd": "zstd",
}
# Parts without a program of their own: a file of each, as its package installs it.
FILES = {
    "usr/share/samba/setup/provision.ldif": "samba-ad-provision",
    "usr/lib/python3/dist-packages/samba/samdb.py": "python3-samba",
    "usr/lib/*/samba/ldb/samldb.so": "samba-dsdb-modules",
    "usr/lib/*/samba/vfs/acl_xattr.so": "samba-vfs-modules",
}


def require() -> None:
    """Raises LabError naming what is missing and the command that installs it."""
    if os.geteuid() != 0:
        raise LabError(
            "The lab needs root: its computers listen on port 135 and its domain controller on "
            "88, 389 and 445. Run it with sudo."
        )
    search = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = {
        package for program, package in PROGRAMS.items() if not shutil.which(program, path=search)
    } | {package for file, package in FILES.items() if not any(Path("/").glob(file))}
    if missing:
        raise LabError(
            f"Packages are missing. Install them: apt-get install {' '.join(sorted(missing))}"
        )
