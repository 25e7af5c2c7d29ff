"""Where the lab keeps its state."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lab import world

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class ControllerPaths:
    """The files of one domain controller, below a folder of its name."""

    folder: Path

    @property
    def smb_conf(self) -> Path:
        return self.folder / "etc" / "smb.conf"

    @property
    def certificates(self) -> Path:
        return self.folder / "private" / "tls"

    @property
    def sysvol(self) -> Path:
        return self.folder / "state" / "sysvol"

    @property
    def run(self) -> Path:
        """What it sees as /run/samba."""
        return self.folder / "run"

    @property
    def resolver(self) -> Path:
        """What it sees as /etc/resolv.conf."""
        return self.folder / "resolv.conf"


@dataclass(frozen=True)
class DomainPaths:
    """What the lab hands out of one domain, for the portal and for tests."""

    authority_certificate: Path
    keytabs: Path
    passwords: Path
    sids: Path  # of its accounts and groups, for the other domains


@dataclass(frozen=True)
class LabPaths:
    """The files below the lab's state directory (``LAB_DIR``, or ``.lab`` in the checkout)."""

    root: Path

    @classmethod
    def from_environment(cls) -> LabPaths:
        return cls(Path(os.environ.get("LAB_DIR") or CHECKOUT / ".lab").absolute())

    def of_controller(self, controller: world.Controller) -> ControllerPaths:
        return ControllerPaths(self.root / controller.name)

    def of_domain(self, domain: world.Domain) -> DomainPaths:
        prefix = f"{domain.folder}-" if domain.folder else ""
        return DomainPaths(
            self.root / f"{prefix}ca.pem",
            self.keytabs / domain.folder,
            self.passwords / domain.folder,
            self.root / f"{prefix}sids.json",
        )

    @property
    def smb_conf(self) -> Path:
        """Of the controller that the simulated computers belong to."""
        return self.of_controller(world.R2.controller).smb_conf

    @property
    def kerberos_settings(self) -> Path:
        return self.root / "krb5.conf"

    @property
    def domains(self) -> Path:
        """The domains as the portal reads them."""
        return self.root / "directory.toml"

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
        for domain in world.DOMAINS:
            of_domain = self.of_domain(domain)
            for directory in (of_domain.keytabs, of_domain.passwords):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
