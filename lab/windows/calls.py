"""The interfaces served, the names of their calls, and how calls are journaled."""

from __future__ import annotations

import uuid

from lab.windows import even6, pchservice, rasrv
from lab.windows.journal import Journal
from lab.windows.rpc_server import Call, RpcFault

IID_ENDPOINT_MAPPER = uuid.UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa")
IID_OBJECT_EXPORTER = uuid.UUID("99fcfec4-5260-101b-bbcb-00aa0021347a")
IID_ACTIVATOR = uuid.UUID("000001a0-0000-0000-c000-000000000046")
IID_UNKNOWN = uuid.UUID("00000000-0000-0000-c000-000000000046")
IID_REM_UNKNOWN = uuid.UUID("00000131-0000-0000-c000-000000000046")
IID_REM_UNKNOWN_2 = uuid.UUID("00000143-0000-0000-c000-000000000046")

EPT_MAP = 3
SERVER_ALIVE, SERVER_ALIVE_2 = 3, 5
REMOTE_CREATE_INSTANCE = 4
REM_QUERY_INTERFACE, REM_ADD_REF, REM_RELEASE = 3, 4, 5

_NAMES = {
    (IID_ENDPOINT_MAPPER, EPT_MAP): "ept_map",
    (IID_OBJECT_EXPORTER, SERVER_ALIVE): "ServerAlive",
    (IID_OBJECT_EXPORTER, SERVER_ALIVE_2): "ServerAlive2",
    (IID_ACTIVATOR, REMOTE_CREATE_INSTANCE): "RemoteCreateInstance",
    (IID_REM_UNKNOWN, REM_QUERY_INTERFACE): "RemQueryInterface",
    (IID_REM_UNKNOWN, REM_ADD_REF): "RemAddRef",
    (IID_REM_UNKNOWN, REM_RELEASE): "RemRelease",
    (even6.IID_EVENT_SERVICE, even6.REGISTER_LOG_QUERY): "EvtRpcRegisterLogQuery",
    (even6.IID_EVENT_SERVICE, even6.QUERY_NEXT): "EvtRpcQueryNext",
    (even6.IID_EVENT_SERVICE, even6.QUERY_SEEK): "EvtRpcQuerySeek",
    (even6.IID_EVENT_SERVICE, even6.CLOSE): "EvtRpcClose",
    (pchservice.IID_IPCHSERVICE, pchservice.REMOTE_CONNECTION_PARMS): "RemoteConnectionParms",
    (pchservice.IID_IPCHSERVICE, pchservice.REMOTE_USER_SESSION_INFO): "RemoteUserSessionInfo",
    (pchservice.IID_IPCHCOLLECTION, pchservice.ITEM): "Item",
    (pchservice.IID_IPCHCOLLECTION, pchservice.COUNT): "Count",
    (pchservice.IID_ISAFSESSION, pchservice.SESSION_ID): "SessionID",
    (pchservice.IID_ISAFSESSION, pchservice.SESSION_STATE): "SessionState",
    (pchservice.IID_ISAFSESSION, pchservice.DOMAIN_NAME): "DomainName",
    (pchservice.IID_ISAFSESSION, pchservice.USER_NAME): "UserName",
    (rasrv.IID_IRASRV, rasrv.GET_SESSION_INFO): "GetSessionInfo",
    (rasrv.IID_IRASRV, rasrv.GET_NOVICE_USER_INFO): "GetNoviceUserInfo",
}


def call_name(call: Call) -> str:
    """What the specification calls it."""
    interface = IID_REM_UNKNOWN if call.interface == IID_REM_UNKNOWN_2 else call.interface
    return _NAMES.get((interface, call.opnum), f"{call.interface} opnum {call.opnum}")


class CallRecorder:
    """Writes the calls of one computer into the journal."""

    def __init__(self, computer: str, journal: Journal) -> None:
        self._computer = computer
        self._journal = journal

    def answered(self, call: Call, result: int, session_id: int | None = None) -> None:
        """A call answered with an HRESULT."""
        self._journal.call(
            self._computer, call_name(call), call.caller, call.level, session_id, result
        )

    def faulted(self, call: Call, status: int, session_id: int | None = None) -> RpcFault:
        """A call answered with a fault; returns it, to be raised."""
        self._journal.call(
            self._computer,
            call_name(call),
            call.caller,
            call.level,
            session_id,
            status,
            is_fault=True,
        )
        return RpcFault(status)
