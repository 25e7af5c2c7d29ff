"""Contacts a novice's computer: lists its logon sessions, starts Remote Assistance in one.

Source: [MS-RAI] 3.4 (IRASrv), 3.2 (IPCHService), [MS-DCOM]. Each function is one contact with
connections and a deadline of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from assist.remote_assistance import errors, ndr, older_interface
from assist.remote_assistance.activation import AnyConnection
from assist.remote_assistance.contact import (
    Contact,
    MadeObject,
    Means,
    NoviceTarget,
    called,
    with_ticket,
)
from assist.remote_assistance.errors import ProtocolUnsupported, RemoteAssistanceError, after_start
from assist.remote_assistance.kerberos import Credential, KeytabCredential
from assist.remote_assistance.logon_session import LogonSession
from assist.remote_assistance.rpc import CallLimits, RpcFaultError

__all__ = [
    "CallLimits",
    "Credential",
    "KeytabCredential",
    "LogonSession",
    "Means",
    "NoviceTarget",
    "list_logon_sessions",
    "start_remote_assistance",
    "with_ticket",
]

NEWER, OLDER = "IRASrv", "IPCHService"
CLASS_RASRV = UUID("3C3A70A7-A468-49B9-8ADA-28E11FCCAD5D")
IRASRV = UUID("F120A684-B926-447F-9DF4-C966CB785648")
GET_NOVICE_USER_INFO = 7
GET_SESSION_INFO = 8
CELLS = 50  # what a public caller of GetSessionInfo provides; it expects the caller's own array


def list_logon_sessions(
    target: NoviceTarget,
    credential: Credential,
    limits: CallLimits,
    means: Means | None = None,
) -> tuple[LogonSession, ...]:
    """The logon sessions in use on a computer; idle and disconnected ones are not named.

    IRASrv is asked first, as Windows does; a computer that does not have it is asked through the
    older interface ([MS-RAI] 8, note 2).

    Args:
        target: The computer.
        credential: Whose authority the call rests on.
        limits: How long it may take.
        means: Filled in with how the computer was contacted.

    Returns:
        The sessions, in the computer's order; none when nobody works there.

    Raises:
        RemoteAssistanceError: It did not come to that.
    """
    contact = Contact(target, credential, limits, means)
    try:
        return _list(contact)
    except ProtocolUnsupported:
        if contact.means.interface == NEWER:
            raise
    contact.means.interface = OLDER
    return older_interface.list_sessions(contact)


@contextmanager
def _helper(contact: Contact, session_id: int | None) -> Iterator[tuple[MadeObject, AnyConnection]]:
    """A RASrv object and a connection to its IRASrv; once it was made the computer has both."""
    with contact.made(CLASS_RASRV, IRASRV, session_id) as helper:
        contact.means.interface = NEWER
        with contact.connection(helper.port, IRASRV) as irasrv:
            yield helper, irasrv


def _list(contact: Contact) -> tuple[LogonSession, ...]:
    with _helper(contact, None) as (helper, irasrv):
        answer = ndr.parse_session_info(_get_session_info(contact, irasrv, helper))
    if answer.hresult:
        raise errors.for_hresult(answer.hresult)
    return tuple(LogonSession.parse(text) for text in answer.texts)


def _get_session_info(contact: Contact, irasrv: AnyConnection, helper: MadeObject) -> bytes:
    """Sends the array in the form that Windows most likely takes, then in the other."""
    this = contact.orpc_this()
    try:
        stub = this + ndr.pack_session_info(CELLS, referents=2)
        return irasrv.call(GET_SESSION_INFO, stub, helper.ipid)
    except RpcFaultError as fault:
        if fault.status != errors.BAD_STUB_DATA:
            raise errors.for_fault(fault.status) from fault
    stub = this + ndr.pack_session_info(CELLS, referents=1)
    return called(irasrv, GET_SESSION_INFO, stub, helper.ipid)


def start_remote_assistance(
    target: NoviceTarget,
    credential: Credential,
    session: LogonSession,
    limits: CallLimits,
    means: Means | None = None,
    expert: str = "",
) -> str:
    r"""Starts Remote Assistance in a logon session.

    Args:
        target: The computer.
        credential: Whose authority the call rests on.
        session: From :func:`list_logon_sessions`.
        limits: How long it may take.
        means: As :func:`list_logon_sessions` left it; None: found out anew.
        expert: Who offers help, as ``DOMAIN\\user``: the older interface is told; by default the
            account that calls.

    Returns:
        Connection string 2, or 1 from the older interface, as it came.

    Raises:
        RemoteAssistanceError: It did not come to that; ``may_have_started`` says whether Remote
            Assistance may run there all the same.
    """
    contact = Contact(target, credential, limits, means)
    if contact.means.interface != OLDER:
        try:
            return _start(contact, session)
        except ProtocolUnsupported:
            if contact.means.interface == NEWER:
                raise
    contact.means.interface = OLDER
    return older_interface.start(contact, session, expert or contact.caller)


def _start(contact: Contact, session: LogonSession) -> str:
    with _helper(contact, session.session_id) as (helper, irasrv):
        answer = _get_novice_user_info(contact, irasrv, helper)
    if answer.hresult:
        raise after_start(errors.for_hresult(answer.hresult))
    if not answer.text:
        raise after_start(errors.BadAnswer("The computer returned no connection string."))
    return answer.text


def _get_novice_user_info(
    contact: Contact, irasrv: AnyConnection, helper: MadeObject
) -> ndr.NoviceUserInfo:
    stub = contact.orpc_this() + ndr.pack_novice_user_info()
    try:
        return ndr.parse_novice_user_info(called(irasrv, GET_NOVICE_USER_INFO, stub, helper.ipid))
    except RemoteAssistanceError as error:
        raise after_start(error) from error
