"""Contacts a novice's computer: lists its logon sessions, starts Remote Assistance in one.

Source: [MS-RAI] 3.3 (IRASrv), [MS-DCOM]. Each function is one contact with connections, tickets
and a deadline of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from assist.remote_assistance import errors, ndr
from assist.remote_assistance.activation import REMOTE_SCM_ACTIVATOR, RemoteObject, activate
from assist.remote_assistance.errors import RemoteAssistanceError
from assist.remote_assistance.kerberos import KeytabCredential, ServiceTicket, service_ticket
from assist.remote_assistance.logon_session import LogonSession
from assist.remote_assistance.rpc import CallLimits, Connection, Deadline, RpcFaultError

__all__ = [
    "CallLimits",
    "KeytabCredential",
    "LogonSession",
    "NoviceTarget",
    "list_logon_sessions",
    "start_remote_assistance",
]

CLASS_RASRV = UUID("3C3A70A7-A468-49B9-8ADA-28E11FCCAD5D")
IRASRV = UUID("F120A684-B926-447F-9DF4-C966CB785648")
IREMUNKNOWN = UUID("00000131-0000-0000-c000-000000000046")
GET_NOVICE_USER_INFO = 7
GET_SESSION_INFO = 8
REM_RELEASE = 5
RELEASE_SECONDS = 2.0
CELLS = 50  # what a public caller of GetSessionInfo provides; it expects the caller's own array

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NoviceTarget:
    """The computer to contact.

    Attributes:
        dns_name: Its name in the directory: the ticket is for ``host/<dns_name>``.
        address: The IP address to connect to; no other is ever contacted.
        port: The port of its RPC endpoint mapper.
    """

    dns_name: str
    address: str
    port: int = 135


class _Contact:
    """What one contact with one computer needs."""

    def __init__(
        self, target: NoviceTarget, credential: KeytabCredential, limits: CallLimits
    ) -> None:
        self.target = target
        self.deadline = Deadline(limits)
        self.ticket: ServiceTicket = service_ticket(
            credential, f"host/{target.dns_name}", self.deadline.left(limits.call_seconds)
        )

    @contextmanager
    def connection(
        self, port: int, interface: UUID, deadline: Deadline | None = None
    ) -> Iterator[Connection]:
        target = self.target
        connection = Connection(
            target.address,
            port,
            target.dns_name,
            interface,
            self.ticket,
            deadline or self.deadline,
        )
        with connection.opened():
            yield connection

    @contextmanager
    def helper_object(self, session_id: int | None) -> Iterator[RemoteObject]:
        """A RASrv object, released at the end, also after errors."""
        with self.connection(self.target.port, REMOTE_SCM_ACTIVATOR) as connection:
            helper = activate(connection, CLASS_RASRV, IRASRV, session_id)
        try:
            yield helper
        finally:
            self._release(helper)

    def _release(self, helper: RemoteObject) -> None:
        """RemRelease; a failure is logged, because it must not hide what came before.

        It has a short time of its own: what used up the contact's must not leave the object behind.
        """
        limits = self.deadline.limits
        seconds = min(RELEASE_SECONDS, limits.call_seconds)
        deadline = Deadline(CallLimits(limits.connect_seconds, limits.call_seconds, seconds))
        stub = ndr.pack_orpc_this(uuid4()) + ndr.pack_release(helper.ipid, helper.public_references)
        try:
            with self.connection(helper.port, IREMUNKNOWN, deadline) as connection:
                connection.call(REM_RELEASE, stub, helper.remote_unknown)
        except (RemoteAssistanceError, RpcFaultError) as error:
            log.warning("the object on %s was not released: %s", self.target.dns_name, error)


def list_logon_sessions(
    target: NoviceTarget, credential: KeytabCredential, limits: CallLimits
) -> tuple[LogonSession, ...]:
    """The logon sessions in use on a computer; idle and disconnected ones are not named.

    Args:
        target: The computer.
        credential: Whose authority the call rests on.
        limits: How long it may take.

    Returns:
        The sessions, in the computer's order; none when nobody works there.

    Raises:
        RemoteAssistanceError: It did not come to that.
    """
    contact = _Contact(target, credential, limits)
    with contact.helper_object(None) as helper, contact.connection(helper.port, IRASRV) as irasrv:
        answer = ndr.parse_session_info(_get_session_info(irasrv, helper))
    if answer.hresult:
        raise errors.for_hresult(answer.hresult)
    return tuple(LogonSession.parse(text) for text in answer.texts)


def _get_session_info(irasrv: Connection, helper: RemoteObject) -> bytes:
    """Sends the array in the form that Windows most likely takes, then in the other."""
    this = ndr.pack_orpc_this(uuid4())
    try:
        stub = this + ndr.pack_session_info(CELLS, referents=2)
        return irasrv.call(GET_SESSION_INFO, stub, helper.ipid)
    except RpcFaultError as fault:
        if fault.status != errors.BAD_STUB_DATA:
            raise errors.for_fault(fault.status) from fault
    try:
        stub = this + ndr.pack_session_info(CELLS, referents=1)
        return irasrv.call(GET_SESSION_INFO, stub, helper.ipid)
    except RpcFaultError as fault:
        raise errors.for_fault(fault.status) from fault


def start_remote_assistance(
    target: NoviceTarget, credential: KeytabCredential, session: LogonSession, limits: CallLimits
) -> str:
    """Starts Remote Assistance in a logon session.

    Args:
        target: The computer.
        credential: Whose authority the call rests on.
        session: From :func:`list_logon_sessions`.
        limits: How long it may take.

    Returns:
        Connection string 2, as it came.

    Raises:
        RemoteAssistanceError: It did not come to that; ``may_have_started`` says whether Remote
            Assistance may run there all the same.
    """
    contact = _Contact(target, credential, limits)
    with (
        contact.helper_object(session.session_id) as helper,
        contact.connection(helper.port, IRASRV) as irasrv,
    ):
        answer = _get_novice_user_info(irasrv, helper)
    if answer.hresult:
        raise _after_start(errors.for_hresult(answer.hresult))
    if not answer.text:
        raise _after_start(errors.BadAnswer("The computer returned no connection string."))
    return answer.text


def _get_novice_user_info(irasrv: Connection, helper: RemoteObject) -> ndr.NoviceUserInfo:
    stub = ndr.pack_orpc_this(uuid4()) + ndr.pack_novice_user_info()
    try:
        return ndr.parse_novice_user_info(irasrv.call(GET_NOVICE_USER_INFO, stub, helper.ipid))
    except RpcFaultError as fault:
        raise _after_start(errors.for_fault(fault.status)) from fault
    except RemoteAssistanceError as error:
        raise _after_start(error) from error


def _after_start(error: RemoteAssistanceError) -> RemoteAssistanceError:
    """Marks what came after the request left: only a refusal proves that nothing was started.

    A fault such as "the server broke down" (0x6BE, 0x80010105) may follow the start.
    """
    error.may_have_started = not error.is_refusal
    return error
