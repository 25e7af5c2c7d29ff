"""What the lab needs of the machine: root, and Debian's packages."""

from __future__ import annotations

import os
import shutil

from lab.errors import LabError

PROGRAMS = {
    "samba": "samba",
    "samba-tool": "samba",
    "winbindd": "winbind",
    "kinit": "krb5-user",
    "unshare": "util-linux",
    "freerdp-shadow-cli": "freerdp2-shadow-x11",
    "Xvfb": "xvfb",
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
    }
    if missing:
        raise LabError(
            f"Missing programs. Install them: apt-get install {' '.join(sorted(missing))}"
        )
