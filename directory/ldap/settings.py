"""What is needed to reach one domain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class DirectoryConnectionSettings:
    """How to reach and read one domain.

    Attributes:
        domain: The domain's DNS name.
        servers: DNS names of domain controllers, tried in order; empty to ask DNS for them.
        dns_servers: Addresses of the domain's DNS servers, the only ones ever asked.
        ca_file: PEM file with the authority that issued the controllers' certificates.
        bind_user: The reading account, as ``DOMAIN\\name``, ``name@domain`` or a bare name.
        bind_password: Its password; empty where it has a keytab.
        tls: LDAPS (port 636) or StartTLS (port 389). There is no third way.
        connect_timeout_seconds: For a connection and its TLS handshake.
        read_timeout_seconds: For each answer.
        bind_method: By password, or by Kerberos with the keytab.
        keytab_file: The file with the reading account's keys, for Kerberos.
    """

    domain: str
    servers: tuple[str, ...]
    dns_servers: tuple[str, ...]
    ca_file: str
    bind_user: str
    bind_password: str = field(default="", repr=False)
    tls: Literal["ldaps", "starttls"] = "ldaps"
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 60.0
    bind_method: Literal["simple", "kerberos"] = "simple"
    keytab_file: str = ""

    @property
    def base_dn(self) -> str:
        return ",".join(f"DC={label}" for label in self.domain.split("."))

    @property
    def bind_principal(self) -> str:
        """The reading account as a Kerberos principal, its realm in upper case."""
        realm = self.domain.upper()
        name = self.bind_user.rpartition("\\")[2]
        if "@" in name:
            name, _, suffix = name.rpartition("@")
            realm = suffix.upper()
        return f"{name}@{realm}"

    @property
    def bind_name(self) -> str:
        """The reading account in a form a simple bind takes: bare names get the domain."""
        name = self.bind_user
        return name if "\\" in name or "@" in name or "=" in name else f"{name}@{self.domain}"
