"""One contact with one computer: its addresses, its ticket, its objects, its deadline."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from assist.remote_assistance import errors, ndr
from assist.remote_assistance.activation import REMOTE_SCM_ACTIVATOR, AnyConnection, activate
from assist.remote_assistance.activation_reply import ActivationReply
from assist.remote_assistance.automation import ObjectReference
from assist.remote_assistance.errors import BadAnswer, NoTicketForComputer, RemoteAssistanceError
from assist.remote_assistance.kerberos import (
    Credential,
    KeytabCredential,
    ServiceTicket,
    service_ticket,
)
from assist.remote_assistance.ntlm import NtlmAccount, ntlm_account
from assist.remote_assistance.ntlm_rpc import NtlmConnection
from assist.remote_assistance.rpc import CallLimits, Connection, Deadline, RpcFaultError

IREMUNKNOWN = UUID("00000131-0000-0000-c000-000000000046")
REM_RELEASE = 5
RELEASE_SECONDS = 2.0
KERBEROS, NTLM = "Kerberos", "NTLM"
Identity = ServiceTicket | NtlmAccount

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NoviceTarget:
    """The computer to contact.

    Attributes:
        dns_name: Its name in the directory: the ticket is for ``host/<dns_name>``.
        address: The IP address to connect to.
        port: The port of its RPC endpoint mapper.
        other_addresses: Tried in order where the one before cannot be connected to. No address
            but these is ever contacted.
    """

    dns_name: str
    address: str
    port: int = 135
    other_addresses: tuple[str, ...] = ()


@dataclass
class Means:
    """How a computer was contacted; filled in by a contact, and followed by a later one.

    Attributes:
        address: The address that took the connection.
        authentication: By what both sides authenticated.
        interface: ``IRASrv``, or ``IPCHService`` of Windows XP and Server 2003.
    """

    address: str = ""
    authentication: str = ""
    interface: str = ""


@dataclass
class MadeObject:
    """An object on the novice's computer, and every reference held to it and to what it gave."""

    reply: ActivationReply
    reference: ObjectReference
    held: list[tuple[bytes, int]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.reply.port

    @property
    def ipid(self) -> bytes:
        return self.reference.ipid

    def hold(self, ipid: bytes, references: int) -> None:
        """Remembers references that the computer handed out, so that they are released."""
        self.held.append((ipid, references))


def with_ticket(target: NoviceTarget, credential: Credential, limits: CallLimits) -> Credential:
    """The same authority, with its ticket for one computer: for several contacts in a row.

    Args:
        target: The computer.
        credential: Whose authority the calls will rest on.
        limits: How long it may take.

    Returns:
        The ticket; where the domain has none for that computer, the credential as it was, so that
        each contact decides about NTLM.

    Raises:
        RemoteAssistanceError: The domain gives the account no tickets.
    """
    try:
        return service_ticket(credential, _service_of(target.dns_name), limits.call_seconds)
    except NoTicketForComputer:
        return credential


def _service_of(dns_name: str) -> str:
    return f"host/{dns_name}"


def identify(credential: Credential, dns_name: str, seconds: float) -> Identity:
    """A ticket; where the domain has none for that computer and it is allowed, NTLM.

    Only the domain's word leads to NTLM, never the computer's own: one that refuses a ticket
    could otherwise ask for the weaker protocol.

    Args:
        credential: Whose authority the calls rest on.
        dns_name: The computer's name in the directory.
        seconds: How long the domain may take.

    Raises:
        RemoteAssistanceError: There is neither.
    """
    try:
        return service_ticket(credential, _service_of(dns_name), seconds)
    except NoTicketForComputer:
        if not isinstance(credential, KeytabCredential) or not credential.may_use_ntlm:
            raise
    return ntlm_account(credential)


def connection_as(
    identity: Identity,
    addresses: tuple[str, ...],
    port: int,
    host: str,
    interface: UUID,
    deadline: Deadline,
    *,
    version: tuple[int, int] = (0, 0),
) -> AnyConnection:
    """A connection that is not opened yet; each answer on it is sealed and verified.

    Args:
        identity: From :func:`identify`, for that host.
        addresses: Tried in order.
        port: The TCP port there.
        host: The computer's DNS name.
        interface: The interface's UUID.
        deadline: The end of the whole contact.
        version: The interface's version.
    """
    address, *others = addresses
    rest = tuple(others)
    if isinstance(identity, NtlmAccount):
        return NtlmConnection(
            address,
            port,
            host,
            interface,
            identity,
            deadline,
            version=version,
            other_addresses=rest,
        )
    return Connection(
        address, port, host, interface, identity, deadline, version=version, other_addresses=rest
    )


class Contact:
    """What one contact with one computer needs. Nothing of it is shared with another's computer.

    Args:
        target: The computer.
        credential: Whose authority the calls rest on.
        limits: How long it may take.
        means: Of an earlier contact; None for the first.
    """

    def __init__(
        self,
        target: NoviceTarget,
        credential: Credential,
        limits: CallLimits,
        means: Means | None = None,
    ) -> None:
        self.target = target
        self.means = means if means is not None else Means()
        self.deadline = Deadline(limits)
        self.version = ndr.COM_VERSION
        seconds = self.deadline.left(limits.call_seconds)
        self._identity = identify(credential, target.dns_name, seconds)
        self.means.authentication = NTLM if isinstance(self._identity, NtlmAccount) else KERBEROS

    @property
    def caller(self) -> str:
        r"""The account that calls, as ``DOMAIN\user``."""
        return f"{self._identity.realm}\\{self._identity.name}"

    def orpc_this(self) -> bytes:
        """The head of a call on an object."""
        return ndr.pack_orpc_this(uuid4(), self.version)

    @contextmanager
    def connection(
        self, port: int, interface: UUID, deadline: Deadline | None = None
    ) -> Iterator[AnyConnection]:
        """An authenticated and sealed connection, to the address that took the first one."""
        connection = connection_as(
            self._identity,
            self._addresses(),
            port,
            self.target.dns_name,
            interface,
            deadline or self.deadline,
        )
        with connection.opened():
            self.means.address = connection.address
            yield connection

    def _addresses(self) -> tuple[str, ...]:
        known = (self.target.address, *self.target.other_addresses)
        return (self.means.address,) if self.means.address in known else known

    @contextmanager
    def made(self, class_id: UUID, interface: UUID, session_id: int | None) -> Iterator[MadeObject]:
        """An object of a class, released at the end, also after errors."""
        with self.connection(self.target.port, REMOTE_SCM_ACTIVATOR) as connection:
            reply = activate(connection, class_id, interface, session_id, self.version)
        if reply.reference is None:
            raise BadAnswer("The computer made no object and calls that success.")
        self.version = min(reply.version, self.version)
        made = MadeObject(reply, reply.reference)
        made.hold(reply.reference.ipid, reply.reference.public_references)
        try:
            yield made
        finally:
            self._release(made)

    def _release(self, made: MadeObject) -> None:
        """RemRelease; a failure is logged, because it must not hide what came before.

        It has a short time of its own: what used up the contact's must not leave the object behind.
        """
        limits = self.deadline.limits
        seconds = min(RELEASE_SECONDS, limits.call_seconds)
        deadline = Deadline(CallLimits(limits.connect_seconds, limits.call_seconds, seconds))
        stub = self.orpc_this() + ndr.pack_release(made.held)
        try:
            with self.connection(made.port, IREMUNKNOWN, deadline) as connection:
                connection.call(REM_RELEASE, stub, made.reply.remote_unknown)
        except (RemoteAssistanceError, RpcFaultError) as error:
            log.warning("the object on %s was not released: %s", self.target.dns_name, error)


def called(connection: AnyConnection, operation: int, stub: bytes, ipid: bytes) -> bytes:
    """A call on an object, whose faults are this package's errors."""
    try:
        return connection.call(operation, stub, ipid)
    except RpcFaultError as fault:
        raise errors.for_fault(fault.status) from fault
