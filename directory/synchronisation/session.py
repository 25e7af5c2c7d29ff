"""One run's dealings with one domain controller."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from directory.comparison import fold_name
from directory.configuration import DomainConfiguration
from directory.controllers import first_answer, report_failure
from directory.grouppolicy.sysvol import Sysvol, SysvolUnavailable
from directory.ldap.connection import (
    LdapConnection,
    ServerAddress,
    close_connection,
    open_connection,
    received_bytes,
)
from directory.ldap.entries import Entry
from directory.ldap.errors import DirectoryUnavailable
from directory.ldap.root import DirectoryRoot, read_root
from directory.ldap.search import escape, read_one, search
from directory.ldap.values import domain_dns_name
from directory.synchronisation.errors import WrongDomain
from directory.synchronisation.kinds import COMPUTERS, Kind, Place
from directory.synchronisation.permissions import needs_permissions
from directory.synchronisation.rows import Surroundings, Units

HEAD_ATTRIBUTES = (
    "objectGUID",
    "objectSid",
    "gPLink",
    "gPOptions",
    "lockoutDuration",
    "msDS-Behavior-Version",
)
TICKS_PER_SECOND = 10_000_000


@dataclass(frozen=True)
class DomainHead:
    """What is known of the domain itself."""

    entry: Entry
    dns_name: str
    netbios_name: str
    forest_dns_name: str

    @property
    def lockout_duration(self) -> timedelta | None:
        """None: until somebody unlocks the account ([MS-ADA1] lockoutDuration)."""
        ticks = -self.entry.integer("lockoutDuration")
        return timedelta(seconds=ticks / TICKS_PER_SECOND) if 0 < ticks < 2**62 else None


@dataclass
class Session:
    """Connections to one controller, and what every part of a run needs to know.

    All connections go to the same controller, so that numbers and cookies are of one replica and
    both halves of a Group Policy come from one place.

    Attributes:
        configuration: Of the domain.
        controller: Which one answers.
        connection: The first connection; for the thread that made the session.
        root: What the controller says of itself.
        head: The domain's head.
        surroundings: What rows need to know; its units are filled in by the run.
    """

    configuration: DomainConfiguration
    controller: ServerAddress
    connection: LdapConnection
    root: DirectoryRoot
    head: DomainHead
    surroundings: Surroundings
    _further: list[LdapConnection] = field(default_factory=list)
    _sysvol: Sysvol | None = None
    _sysvol_error: SysvolUnavailable | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def naming_contexts(self) -> Mapping[Place, str]:
        """Those of the controller's naming contexts that are read."""
        found = {
            Place.DOMAIN: self.root.default_naming_context,
            Place.CONFIGURATION: self.root.configuration_naming_context,
        }
        held = {fold_name(name): name for name in self.root.naming_contexts}
        domain_dns = fold_name(f"DC=DomainDnsZones,{self.root.default_naming_context}")
        forest_dns = fold_name(f"DC=ForestDnsZones,{self.root.root_domain_naming_context}")
        if domain_dns in held:
            found[Place.DOMAIN_DNS] = held[domain_dns]
        # The forest's zones are the same in each of its domains; its root domain reads them.
        if self.head.dns_name == self.head.forest_dns_name and forest_dns in held:
            found[Place.FOREST_DNS] = held[forest_dns]
        return found

    def scope(self, kind: Kind) -> str:
        """The value of a kind's scope column for objects of this run."""
        around = self.surroundings
        return around.domain_guid if kind.scope_column == "domain_id" else around.forest_dns_name

    @property
    def reads_permissions(self) -> bool:
        """Whether the computers' permissions are read."""
        return self.surroundings.reads_permissions

    def attributes(self, kind: Kind) -> tuple[str, ...]:
        """What is read of each object of a kind."""
        if kind is COMPUTERS and self.reads_permissions:
            return (*kind.attributes, "nTSecurityDescriptor")
        return kind.attributes

    def with_security_descriptor(self, kind: Kind) -> bool:
        """Whether permissions are among that."""
        return kind.with_security_descriptor or (kind is COMPUTERS and self.reads_permissions)

    def use_units(self, guids: Mapping[str, uuid.UUID]) -> None:
        """Tell rows which organizational units there are, by distinguished name."""
        self.surroundings = replace(self.surroundings, units=Units(guids))

    def connect(self) -> LdapConnection:
        """A further connection to the same controller, closed with the session."""
        opened = open_connection(self.configuration.connection, [self.controller])
        with self._lock:
            self._further.append(opened)
        return opened

    def sysvol(self) -> Sysvol:
        """SYSVOL of the same controller, opened when first asked for; for one thread at a time.

        Raises:
            SysvolUnavailable: It cannot be opened; asked again, the same at once.
        """
        if self._sysvol_error is not None:
            raise self._sysvol_error
        if self._sysvol is None:
            try:
                self._sysvol = open_sysvol(self.configuration, self.controller)
            except SysvolUnavailable as error:
                self._sysvol_error = error
                raise
        return self._sysvol

    @property
    def bytes_received(self) -> int:
        """Over LDAP, all connections together."""
        with self._lock:
            return sum(received_bytes(each) for each in (self.connection, *self._further))

    def close(self) -> None:
        with self._lock:
            for connection in (*self._further, self.connection):
                close_connection(connection)
        if self._sysvol is not None:
            self._sysvol.__exit__(None, None, None)


def open_sysvol(configuration: DomainConfiguration, controller: ServerAddress) -> Sysvol:
    settings = configuration.connection
    return Sysvol(
        controller.dns_name,
        controller.ip,
        principal=settings.bind_principal,
        password=settings.bind_password,
        keytab_file=settings.keytab_file,
        connect_timeout_seconds=settings.connect_timeout_seconds,
        read_timeout_seconds=settings.read_timeout_seconds,
    ).__enter__()


@contextmanager
def open_session(configuration: DomainConfiguration, *, prefer: str = "") -> Iterator[Session]:
    """A session with the first controller that answers, those that failed lately coming last.

    Args:
        configuration: Of the domain.
        prefer: DNS name of the controller that the last run used.

    Raises:
        DirectoryUnavailable, CertificateRefused, CredentialsRefused, NameServiceUnavailable: No
            controller lets us in.
        WrongDomain: The controller serves another domain.
    """
    controller, connection = first_answer(
        configuration,
        lambda address: (address, open_connection(configuration.connection, [address])),
        prefer=prefer,
    )
    session = None
    try:
        root = read_root(connection)
        head = _read_head(configuration, controller, connection, root)
        session = Session(
            configuration=configuration,
            controller=controller,
            connection=connection,
            root=root,
            head=head,
            surroundings=Surroundings(
                domain_guid=head.entry.guid.hex,
                domain_sid=head.entry.sid(),
                domain_dns_name=head.dns_name,
                forest_dns_name=head.forest_dns_name,
                reads_permissions=needs_permissions(
                    connection, root.default_naming_context, head.forest_dns_name
                ),
            ),
        )
        yield session
    except DirectoryUnavailable:
        report_failure(configuration, controller)
        raise
    finally:
        if session is not None:
            session.close()
        else:
            close_connection(connection)


def _read_head(
    configuration: DomainConfiguration,
    controller: ServerAddress,
    connection: LdapConnection,
    root: DirectoryRoot,
) -> DomainHead:
    domain, base = configuration.connection.domain, configuration.connection.base_dn
    if fold_name(root.default_naming_context) != fold_name(base):
        raise WrongDomain(
            f"{controller.dns_name} serves {root.default_naming_context}, not {domain}.",
            remedy="Compare the domain's name with its servers in the configuration.",
        )
    wanted = f"(&(objectClass=crossRef)(nCName={escape(base)}))"
    partitions = f"CN=Partitions,{root.configuration_naming_context}"
    names = [
        entry.text("nETBIOSName")
        for entry in search(connection, partitions, wanted, ("nETBIOSName",))
    ]
    if not names:
        raise WrongDomain(
            f"The forest of {domain} does not list it among its partitions.",
            remedy="Let the reading account read CN=Partitions of the configuration.",
        )
    return DomainHead(
        entry=read_one(connection, base, HEAD_ATTRIBUTES),
        dns_name=domain,
        netbios_name=names[0],
        forest_dns_name=domain_dns_name(root.root_domain_naming_context),
    )
