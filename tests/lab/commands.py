"""What the lab's domain tells Debian's own programs: ldapsearch, smbclient, kinit."""

from __future__ import annotations

import base64
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import controller, world
from lab.paths import DomainPaths, LabPaths

HOST = world.R2.controller_host
# Owner, group and DACL: what a plain account may read of a security descriptor (MS-ADTS
# 3.1.1.3.4.1.11), as ldapsearch takes it: base64 of the BER of SEQUENCE { INTEGER 7 }.
SECURITY_DESCRIPTOR_CONTROL = "!1.2.840.113556.1.4.801=::MAMCAQc="


@dataclass(frozen=True)
class Entry:
    """An object of the directory; attribute names in lower case."""

    distinguished_name: str
    values: dict[str, list[bytes]]

    def texts(self, attribute: str) -> list[str]:
        return [value.decode() for value in self.values.get(attribute.lower(), [])]

    def text(self, attribute: str) -> str:
        (value,) = self.texts(attribute)
        return value


@dataclass(frozen=True)
class Domain:
    """A domain of the lab, asked as the account that reads the directory for the portal.

    Attributes:
        directory: The lab's.
        scratch: For credentials and files of the test.
        described: Which domain, in the world's words.
    """

    directory: Path
    scratch: Path
    described: world.Domain = world.R2

    @property
    def _paths(self) -> DomainPaths:
        return LabPaths(self.directory).of_domain(self.described)

    def run(self, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a program with the lab's Kerberos settings and a credential cache of its own."""
        return subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env=os.environ
            | {
                "KRB5_CONFIG": str(self.directory / "krb5.conf"),
                "KRB5CCNAME": f"FILE:{self.scratch / 'credentials'}",
                "LDAPTLS_CACERT": str(self._paths.authority_certificate),
                "LC_ALL": "C",
            },
        )

    def search(
        self, filter_text: str, *attributes: str, base: str = "", control: str = ""
    ) -> list[Entry]:
        """Searches over LDAPS, the certificate checked against the forest's authority."""
        options = ["-E", control] if control else []
        done = self.run(
            *[
                "ldapsearch",
                "-LLL",
                "-o",
                "ldif-wrap=no",
                "-x",
                "-H",
                f"ldaps://{self.described.controller.address}",
            ],
            *["-D", f"{world.DIRECTORY_ACCOUNT}@{self.described.dns_name}"],
            *["-w", self.described.directory_account_password],
            *["-b", base or self.described.base_dn],
            *options,
            *[filter_text, *attributes],
        )
        assert done.returncode == 0, done.stderr
        return _parse_ldif(done.stdout)

    def one(self, filter_text: str, *attributes: str, base: str = "") -> Entry:
        (entry,) = self.search(filter_text, *attributes, base=base)
        return entry

    def sign_in(self, name: str, password: str) -> str:
        """Kerberos with a password; returns what kinit complains about, "" when it does not."""
        return self.run(
            "kinit", f"{name}@{self.described.realm}", text=password + "\n"
        ).stderr.strip()

    def in_controller(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a program where the domain's controller runs: with its resolver and its winbind."""
        name = controller.process_name(self.described.controller)
        pid = (self.directory / "pids" / f"{name}.pid").read_text().split()[0]
        return self.run("nsenter", "--mount", "--target", pid, *command)

    def read_sysvol(self, path: str, *authentication: str) -> bytes:
        """A file of SYSVOL, over SMB with smbclient's own options for who asks."""
        target = self.scratch / "file"
        target.unlink(missing_ok=True)
        share, inside = f"//{self.described.controller_host}/sysvol", path.replace("/", "\\")
        done = self.run(
            *["smbclient", share, "-I", self.described.controller.address, *authentication],
            *["-c", f'get "{inside}" "{target}"'],
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return target.read_bytes()


def _parse_ldif(text: str) -> list[Entry]:
    """Reads ldapsearch's unwrapped answer; referrals and comments are left out."""
    entries = []
    for block in text.split("\n\n"):
        values: dict[str, list[bytes]] = {}
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            attribute, _, rest = line.partition(":")
            is_encoded = rest.startswith(":")
            value = base64.b64decode(rest[1:]) if is_encoded else rest.strip().encode()
            values.setdefault(attribute.lower(), []).append(value)
        if "dn" in values:
            entries.append(Entry(values.pop("dn")[0].decode(), values))
    return entries
