"""IPCHService: how Windows XP and Server 2003 are offered help ([MS-RAI] 3.1, 3.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from uuid import UUID

from assist.remote_assistance import automation, errors
from assist.remote_assistance.automation import Answer, ObjectReference
from assist.remote_assistance.contact import IREMUNKNOWN, Contact, MadeObject, called
from assist.remote_assistance.errors import BadAnswer, RemoteAssistanceError
from assist.remote_assistance.logon_session import HIGHEST_ID, LogonSession

CLASS_PCHSERVICE = UUID("833E4010-AFF7-4AC3-AAC2-9F24C1457BCE")
IPCHSERVICE = UUID("833E4200-AFF7-4AC3-AAC2-9F24C1457BCE")
IPCHCOLLECTION = UUID("833E4100-AFF7-4AC3-AAC2-9F24C1457BCE")
ISAFSESSION = UUID("833E41AA-AFF7-4AC3-AAC2-9F24C1457BCE")
REMOTE_CONNECTION_PARMS, REMOTE_USER_SESSION_INFO = 19, 20
ITEM, COUNT = 8, 9
SESSION_ID, SESSION_STATE, DOMAIN_NAME, USER_NAME = 7, 9, 11, 13
REM_QUERY_INTERFACE = 3
OLDER_VERSION = (5, 6)  # COM before the service packs of 2004 ([MS-DCOM] 2.2.11)
MOST_SESSIONS = 128  # five calls for each; a terminal server of that time holds fewer
IN_USE = (0, 1, 3)  # active, connected, shadowed ([MS-RAI] 2.2.3)


def list_sessions(contact: Contact) -> tuple[LogonSession, ...]:
    """The logon sessions in use.

    The older interface names all; those that the newer one leaves out (idle, disconnected) are
    left out here too, and those without a user ([MS-RAI] 3.2.4).

    Raises:
        RemoteAssistanceError: It did not come to that.
    """
    contact.version = min(contact.version, OLDER_VERSION)
    with contact.made(CLASS_PCHSERVICE, IPCHSERVICE, None) as service:
        with contact.connection(service.port, IPCHSERVICE) as connection:
            collection = _reference(
                service,
                automation.parse_object(
                    called(connection, REMOTE_USER_SESSION_INFO, contact.orpc_this(), service.ipid)
                ),
            )
        items = list(_items(contact, service, collection))
        return tuple(_sessions(contact, service, items)) if items else ()


def _items(
    contact: Contact, service: MadeObject, collection: ObjectReference
) -> Iterator[ObjectReference]:
    with contact.connection(service.port, IPCHCOLLECTION) as connection:
        this = contact.orpc_this()
        count = _number(automation.parse_number(called(connection, COUNT, this, collection.ipid)))
        if count > MOST_SESSIONS:
            raise BadAnswer(f"The computer claims to have {count} logon sessions.")
        for index in range(1, count + 1):
            stub = contact.orpc_this() + struct.pack("<i", index)
            answer = automation.parse_item(called(connection, ITEM, stub, collection.ipid))
            yield _reference(service, answer)


def _sessions(
    contact: Contact, service: MadeObject, items: list[ObjectReference]
) -> Iterator[LogonSession]:
    pointers = list(_as_sessions(contact, service, items))
    with contact.connection(service.port, ISAFSESSION) as connection:

        def get(operation: int, ipid: bytes) -> bytes:
            return called(connection, operation, contact.orpc_this(), ipid)

        for ipid in pointers:
            if _number(automation.parse_state(get(SESSION_STATE, ipid))) not in IN_USE:
                continue
            number = _number(automation.parse_number(get(SESSION_ID, ipid)))
            domain = _text(automation.parse_text(get(DOMAIN_NAME, ipid)))
            user = _text(automation.parse_text(get(USER_NAME, ipid)))
            if not domain or not user:
                continue
            if number > HIGHEST_ID:
                raise BadAnswer(f"The computer named a logon session {number}.")
            yield LogonSession.parse(f"{domain}\\{user}:{number}")


def _as_sessions(
    contact: Contact, service: MadeObject, items: list[ObjectReference]
) -> Iterator[bytes]:
    """The IPID of ISAFSession for each item; a VARIANT carries IDispatch or IUnknown."""
    others = [item for item in items if item.interface != ISAFSESSION]
    yield from (item.ipid for item in items if item.interface == ISAFSESSION)
    if not others:
        return
    with contact.connection(service.port, IREMUNKNOWN) as connection:
        for item in others:
            stub = contact.orpc_this() + automation.pack_query_interface(item.ipid, ISAFSESSION)
            answer = automation.parse_query_interface(
                called(connection, REM_QUERY_INTERFACE, stub, service.reply.remote_unknown)
            )
            found = _value(answer)
            if not isinstance(found, tuple):
                raise BadAnswer("The computer's list of logon sessions holds something else.")
            references, ipid = found
            service.hold(ipid, references)
            yield ipid


def start(contact: Contact, session: LogonSession, expert: str) -> str:
    r"""Starts Remote Assistance in a logon session.

    Args:
        contact: With the computer.
        session: Which.
        expert: Who offers help, as ``DOMAIN\\user``.

    Returns:
        Connection string 1.

    Raises:
        RemoteAssistanceError: It did not come to that; ``may_have_started`` says whether it may
            have all the same.
    """
    contact.version = min(contact.version, OLDER_VERSION)
    with (
        contact.made(CLASS_PCHSERVICE, IPCHSERVICE, None) as service,
        contact.connection(service.port, IPCHSERVICE) as connection,
    ):
        stub = contact.orpc_this() + automation.pack_connection_parameters(
            session.user_name,
            session.domain_name,
            session.session_id,
            automation.user_help_blob(expert),
        )
        try:
            text = _text(
                automation.parse_text(
                    called(connection, REMOTE_CONNECTION_PARMS, stub, service.ipid)
                )
            )
            if not text:
                raise BadAnswer("The computer returned no connection string.")
        except RemoteAssistanceError as error:
            raise errors.after_start(error) from error
        return text


def _value(answer: Answer) -> object:
    if answer.hresult:
        raise errors.for_hresult(answer.hresult)
    return answer.value


def _number(answer: Answer) -> int:
    value = _value(answer)
    return value if isinstance(value, int) else 0


def _text(answer: Answer) -> str:
    value = _value(answer)
    return value if isinstance(value, str) else ""


def _reference(service: MadeObject, answer: Answer) -> ObjectReference:
    """An object that a call gave; it must live where the service does."""
    value = _value(answer)
    if not isinstance(value, ObjectReference):
        raise BadAnswer("The computer's list of logon sessions holds something else.")
    service.hold(value.ipid, value.public_references)
    if value.oxid != service.reference.oxid:
        raise BadAnswer("The computer's list of logon sessions is kept in another place.")
    return value
