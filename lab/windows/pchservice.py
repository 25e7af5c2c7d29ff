"""IPCHService of Windows XP and Server 2003, and the objects it gives ([MS-RAI] 3.1.4.1)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from lab import world
from lab.windows import automation, orpc, results
from lab.windows.ndr import NdrError, NdrReader, NdrWriter

CLSID_PCHSERVICE = uuid.UUID("833E4010-AFF7-4AC3-AAC2-9F24C1457BCE")
IID_IPCHSERVICE = uuid.UUID("833E4200-AFF7-4AC3-AAC2-9F24C1457BCE")
IID_IPCHCOLLECTION = uuid.UUID("833E4100-AFF7-4AC3-AAC2-9F24C1457BCE")
IID_ISAFSESSION = uuid.UUID("833E41AA-AFF7-4AC3-AAC2-9F24C1457BCE")
IID_IDISPATCH = uuid.UUID("00020400-0000-0000-c000-000000000046")
REMOTE_CONNECTION_PARMS, REMOTE_USER_SESSION_INFO = 19, 20
ITEM, COUNT = 8, 9
SESSION_ID, SESSION_STATE, DOMAIN_NAME, USER_NAME = 7, 9, 11, 13
INTERFACES = frozenset({IID_IPCHSERVICE, IID_IPCHCOLLECTION, IID_ISAFSESSION})
STATES = {"active": 0, "disconnected": 4, "idle": 5}  # SessionStateEnum, 2.2.3
HELP_BLOB = re.compile(r"13;UNSOLICITED=1(\d{1,4});(ID=[^\\;]+\\[^\\;]+)")


@dataclass(frozen=True)
class Service:
    """A PCHService object."""


@dataclass(frozen=True)
class Collection:
    """What RemoteUserSessionInfo gives."""

    sessions: tuple[world.LoggedOn, ...]


@dataclass(frozen=True)
class Session:
    """One member of it."""

    logged_on: world.LoggedOn


def served(content: object) -> frozenset[uuid.UUID]:
    """The interfaces of an object with that content."""
    match content:
        case Service():
            return frozenset({IID_IPCHSERVICE, IID_IDISPATCH})
        case Collection():
            return frozenset({IID_IPCHCOLLECTION, IID_IDISPATCH})
        case Session():
            return frozenset({IID_ISAFSESSION, IID_IDISPATCH})
    return frozenset()


@dataclass(frozen=True)
class Parameters:
    """What a caller of RemoteConnectionParms brings."""

    user: str
    domain: str
    session_id: int
    expert: str


def read_parameters(stub: bytes) -> Parameters | None:
    """The arguments of RemoteConnectionParms; None where the user's blob is not as specified.

    Raises:
        NdrError: the stub is malformed.
    """
    reader = NdrReader(stub)
    orpc.read_orpcthis(reader)
    user, domain = automation.read_text(reader), _aligned_text(reader)
    session_id = reader.u32()
    match = HELP_BLOB.fullmatch(automation.read_text(reader))
    if match is None or int(match[1]) != len(match[2]):
        return None
    return Parameters(user, domain, session_id, match[2][len("ID=") :])


def _aligned_text(reader: NdrReader) -> str:
    reader.align(4)
    return automation.read_text(reader)


def read_index(stub: bytes) -> int:
    reader = NdrReader(stub)
    orpc.read_orpcthis(reader)
    return reader.i32()


def answer(write: Callable[[NdrWriter], None] | None, result: int = results.S_OK) -> bytes:
    """An answer; ``write`` None leaves a null where a result would be."""
    writer = NdrWriter()
    orpc.write_orpcthat(writer)
    if write is None:
        writer.u32(0)
    else:
        write(writer)
    writer.align(4)
    writer.u32(result)
    return writer.getvalue()


def session_property(session: Session, opnum: int) -> bytes:
    """SessionID, SessionState, DomainName or UserName of ISAFSession.

    Raises:
        NdrError: the property is another, or would be set.
    """
    logged_on = session.logged_on
    match opnum:
        case _ if opnum == SESSION_ID:
            return answer(lambda writer: writer.u32(logged_on.session_id))
        case _ if opnum == SESSION_STATE:
            return answer(lambda writer: writer.u16(STATES[logged_on.state]))
        case _ if opnum == DOMAIN_NAME:
            return answer(lambda writer: automation.write_text(writer, world.NETBIOS_NAME))
        case _ if opnum == USER_NAME:
            return answer(lambda writer: automation.write_text(writer, logged_on.user))
    raise NdrError(f"ISAFSession has no operation {opnum} here")
