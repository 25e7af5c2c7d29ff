"""Where the lab keeps its state."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class LabPaths:
    """The files below the lab's state directory (``LAB_DIR``, or ``.lab`` in the checkout)."""

    root: Path

    @classmethod
    def from_environment(cls) -> LabPaths:
        return cls(Path(os.environ.get("LAB_DIR") or CHECKOUT / ".lab").absolute())

    @property
    def controller(self) -> Path:
        return self.root / "dc1"

    @property
    def smb_conf(self) -> Path:
        return self.controller / "etc" / "smb.conf"

    @property
    def authority_certificate(self) -> Path:
        return self.root / "ca.pem"

    @property
    def kerberos_settings(self) -> Path:
        return self.root / "krb5.conf"

    @property
    def portal_settings(self) -> Path:
        return self.root / "lab.env"

    @property
    def keytabs(self) -> Path:
        return self.root / "keytabs"

    @property
    def passwords(self) -> Path:
        return self.root / "passwords"

    @property
    def answers(self) -> Path:
        return self.root / "answers"

    @property
    def pids(self) -> Path:
        return self.root / "pids"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def filled_marker(self) -> Path:
        """Exists once the domain is complete; holds a digest of the world it was made from."""
        return self.root / "domain.complete"

    @property
    def computers_ready(self) -> Path:
        return self.root / "windows.ready"

    @property
    def lock(self) -> Path:
        """Locked while something is brought up or taken down, so that two of it take turns."""
        return self.root / "lock"

    def make(self) -> None:
        """Makes the directories. Passwords and keytabs are for root alone."""
        for directory in (self.root, self.answers, self.pids, self.logs):
            directory.mkdir(parents=True, exist_ok=True)
        for directory in (self.keytabs, self.passwords):
            directory.mkdir(mode=0o700, exist_ok=True)
