"""The two ports of a computer: the activator at 135, the object exporter at a dynamic one."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from lab.windows import orpc, pdu, rasrv, results
from lab.windows.activation_properties import (
    CLSID_PROPERTIES_IN,
    ActivationReply,
    ActivationRequest,
    pack_reply,
    parse_activation,
)
from lab.windows.computer import Computer
from lab.windows.journal import Journal
from lab.windows.ndr import NdrError, NdrReader, NdrWriter
from lab.windows.rpc_server import Call, RpcFault

IID_OBJECT_EXPORTER = uuid.UUID("99fcfec4-5260-101b-bbcb-00aa0021347a")
IID_ACTIVATOR = uuid.UUID("000001a0-0000-0000-c000-000000000046")
IID_UNKNOWN = uuid.UUID("00000000-0000-0000-c000-000000000046")
IID_REM_UNKNOWN = uuid.UUID("00000131-0000-0000-c000-000000000046")
IID_REM_UNKNOWN_2 = uuid.UUID("00000143-0000-0000-c000-000000000046")
SERVER_ALIVE, RESOLVE_OXID_2, SERVER_ALIVE_2 = 3, 4, 5
REMOTE_CREATE_INSTANCE = 4
REM_QUERY_INTERFACE, REM_ADD_REF, REM_RELEASE = 3, 4, 5
PUBLIC_REFERENCES = 5  # handed out with each interface pointer, as Windows does
LOW_HINT = pdu.LEVEL_CONNECT  # a server's suggestion; callers must keep their own, higher level


@dataclass
class _Object:
    """A live instance of RASrv, with the logon session it was made for."""

    session_id: int | None
    ipids: dict[uuid.UUID, uuid.UUID]  # IPID -> interface
    references: int = 0


class ObjectExporter:
    """Makes, serves and drops the objects of one computer.

    Args:
        computer: Whose objects.
        journal: Gets every call.
    """

    interfaces = frozenset({IID_REM_UNKNOWN, IID_REM_UNKNOWN_2, rasrv.IID_IRASRV})

    def __init__(self, computer: Computer, journal: Journal) -> None:
        self.computer = computer
        self.journal = journal
        self.port = 0  # set once it listens
        self.oxid = secrets.randbits(63)
        self.rem_unknown = uuid.uuid4()
        self._objects: list[_Object] = []

    @property
    def bindings(self) -> bytes:
        """By name and by address, as Windows lists them."""
        hosts = (self.computer.description.name, self.computer.description.address)
        return orpc.pack_dual_string_array([f"{host}[{self.port}]" for host in hosts])

    def create(self, request: ActivationRequest) -> ActivationReply:
        """Makes an instance of RASrv with one interface pointer per interface asked for."""
        made = _Object(request.session_id, {})
        self._objects.append(made)
        references = []
        for interface in request.interfaces:
            reference = self._reference(made, interface)
            references.append(
                (interface, orpc.pack_standard_objref(interface, reference, self.bindings))
            )
        return ActivationReply(
            tuple(references), self.oxid, self.bindings, self.rem_unknown, LOW_HINT
        )

    def _reference(self, target: _Object, interface: uuid.UUID) -> orpc.StandardReference:
        ipid = uuid.uuid4()
        target.ipids[ipid] = interface
        target.references += PUBLIC_REFERENCES
        return orpc.StandardReference(PUBLIC_REFERENCES, self.oxid, id(target), ipid)

    def _find(self, ipid: uuid.UUID | None) -> _Object | None:
        return next((found for found in self._objects if ipid in found.ipids), None)

    def _record(self, call: Call, name: str, session_id: int | None, result: int) -> None:
        self.journal.call(
            self.computer.description.name, name, call.caller, call.level, session_id, result
        )

    def _fault(self, call: Call, name: str, session_id: int | None, status: int) -> RpcFault:
        self.journal.call(
            self.computer.description.name,
            name,
            call.caller,
            call.level,
            session_id,
            status,
            is_fault=True,
        )
        return RpcFault(status)

    async def answer(self, call: Call) -> bytes:
        name = _call_name(call)
        if call.caller is None or call.level < pdu.LEVEL_PRIVACY:
            raise self._fault(call, name, None, pdu.FAULT_ACCESS_DENIED)
        if self.computer.policy.refusal(call.caller) != results.S_OK:
            raise self._fault(call, name, None, pdu.FAULT_ACCESS_DENIED)
        if call.interface in (IID_REM_UNKNOWN, IID_REM_UNKNOWN_2):
            return self._answer_rem_unknown(call, name)
        target = self._find(call.object_uuid)
        if target is None:
            raise self._fault(call, name, None, pdu.FAULT_NO_SUCH_OBJECT)
        try:
            match call.opnum:
                case rasrv.GET_SESSION_INFO:
                    return self._session_info(call, target)
                case rasrv.GET_NOVICE_USER_INFO:
                    return await self._novice_user_info(call, target)
        except NdrError:
            self._fault(call, name, target.session_id, pdu.FAULT_BAD_STUB_DATA)
            raise
        raise self._fault(call, name, target.session_id, pdu.FAULT_OPNUM_RANGE)

    def _session_info(self, call: Call, target: _Object) -> bytes:
        two = self.computer.two_referents
        request = rasrv.read_session_info_request(call.stub, two_referents=two)
        result = results.S_OK if request.array is not None else results.E_POINTER
        array, count = request.array, 0
        if array is not None:
            cells, count = rasrv.fill_cells(self.computer.session_names(), len(array.cells))
            array = type(array)(cells, array.features, array.element_size, array.lower_bound)
        self._record(call, "GetSessionInfo", target.session_id, result)
        return rasrv.pack_session_info(array, count, result, two_referents=two)

    async def _novice_user_info(self, call: Call, target: _Object) -> bytes:
        text = None
        if rasrv.read_novice_user_info_request(call.stub) is None:
            result = results.E_POINTER
        else:
            text, result = await self.computer.start_remote_assistance(target.session_id)
        self._record(call, "GetNoviceUserInfo", target.session_id, result)
        return rasrv.pack_novice_user_info(text, result)

    def _answer_rem_unknown(self, call: Call, name: str) -> bytes:
        if call.object_uuid != self.rem_unknown:
            raise self._fault(call, name, None, pdu.FAULT_NO_SUCH_OBJECT)
        reader = NdrReader(call.stub)
        orpc.read_orpcthis(reader)
        writer = NdrWriter()
        orpc.write_orpcthat(writer)
        match call.opnum:
            case 3:
                result = self._query_interface(reader, writer)
            case 4:
                result = self._change_references(reader, writer, +1)
            case 5:
                result = self._change_references(reader, writer, -1)
            case _:
                raise self._fault(call, name, None, pdu.FAULT_OPNUM_RANGE)
        writer.align(4)
        writer.u32(result)
        self._record(call, name, None, result)
        return writer.getvalue()

    def _query_interface(self, reader: NdrReader, writer: NdrWriter) -> int:
        """RemQueryInterface ([MS-DCOM] 3.1.1.5.6.1.1)."""
        target = self._find(reader.guid())
        reader.u32()
        count = reader.u16()
        if reader.count(16) != count:
            raise NdrError("another number of interfaces than announced")
        wanted = [reader.guid() for _ in range(count)]
        if target is None:
            writer.u32(0)
            return results.E_INVALIDOBJECT
        writer.pointer()
        writer.u32(count)
        whole = results.S_OK
        for interface in wanted:
            writer.align(8)
            if interface in (rasrv.IID_IRASRV, IID_UNKNOWN):
                writer.u32(results.S_OK)
                writer.align(8)
                writer.raw(self._reference(target, interface).pack())
            else:
                whole = results.E_NOINTERFACE
                writer.u32(results.E_NOINTERFACE)
                writer.align(8)
                writer.raw(bytes(40))
        return whole

    def _change_references(self, reader: NdrReader, writer: NdrWriter, sign: int) -> int:
        """RemAddRef and RemRelease; an object without references is gone."""
        count = reader.u16()
        if reader.count(24) != count:
            raise NdrError("another number of references than announced")
        outcomes = []
        for _ in range(count):
            target = self._find(reader.guid())
            change = reader.u32() + reader.u32()
            outcomes.append(results.S_OK if target else results.E_INVALIDOBJECT)
            if target is not None:
                target.references += sign * change
                if target.references <= 0:
                    self._objects.remove(target)
        if sign < 0:
            return results.S_OK
        writer.u32(count)
        for outcome in outcomes:
            writer.u32(outcome)
        return results.S_OK


class Activator:
    """Port 135: IObjectExporter for anyone, IRemoteSCMActivator for helpers."""

    interfaces = frozenset({IID_OBJECT_EXPORTER, IID_ACTIVATOR})

    def __init__(self, exporter: ObjectExporter) -> None:
        self._exporter = exporter
        self._computer = exporter.computer

    async def answer(self, call: Call) -> bytes:
        if call.interface == IID_OBJECT_EXPORTER:
            return self._answer_exporter(call)
        name = _call_name(call)
        if call.caller is None or call.level < pdu.LEVEL_PRIVACY:
            raise self._fault(call, name, pdu.FAULT_ACCESS_DENIED)
        if call.opnum != REMOTE_CREATE_INSTANCE:
            raise self._fault(call, name, pdu.FAULT_OPNUM_RANGE)
        try:
            request = _read_create_instance(call.stub)
        except NdrError:
            self._fault(call, name, pdu.FAULT_BAD_STUB_DATA)
            raise
        result = self._check(call, request)
        reply = self._exporter.create(request) if result == results.S_OK else None
        self._journal(call, name, request.session_id, result)
        writer = NdrWriter()
        orpc.write_orpcthat(writer)
        if reply is None:
            writer.u32(0)
        else:
            writer.pointer()
            orpc.write_interface_pointer(writer, pack_reply(reply))
            writer.align(4)
        writer.u32(result)
        return writer.getvalue()

    def _check(self, call: Call, request: ActivationRequest) -> int:
        """The HRESULT of an activation, in the order in which Windows would notice."""
        if call.caller is None:
            return results.E_ACCESSDENIED
        if request.class_id != rasrv.CLSID_RASRV or self._computer.is_legacy:
            return results.CLASS_NOT_REGISTERED
        if (refusal := self._computer.policy.refusal(call.caller)) != results.S_OK:
            return refusal
        if not set(request.interfaces) <= {rasrv.IID_IRASRV, IID_UNKNOWN}:
            return results.E_NOINTERFACE
        if request.session_id is not None and not self._computer.has_session(request.session_id):
            return results.NO_SUCH_SESSION
        return results.S_OK

    def _answer_exporter(self, call: Call) -> bytes:
        name = _call_name(call)
        writer = NdrWriter()
        match call.opnum:
            case 3:
                pass
            case 5:
                for number in orpc.VERSION:
                    writer.u16(number)
                writer.pointer()
                hosts = (self._computer.description.name, self._computer.description.address)
                orpc.write_dual_string_array(writer, orpc.pack_dual_string_array(list(hosts)))
                writer.u32(0)
            case _:
                raise self._fault(call, name, pdu.FAULT_OPNUM_RANGE)
        writer.u32(results.S_OK)
        self._journal(call, name, None, results.S_OK)
        return writer.getvalue()

    def _journal(self, call: Call, name: str, session_id: int | None, result: int) -> None:
        self._exporter.journal.call(
            self._computer.description.name, name, call.caller, call.level, session_id, result
        )

    def _fault(self, call: Call, name: str, status: int) -> RpcFault:
        self._exporter.journal.call(
            self._computer.description.name,
            name,
            call.caller,
            call.level,
            None,
            status,
            is_fault=True,
        )
        return RpcFault(status)


def _read_create_instance(stub: bytes) -> ActivationRequest:
    """RemoteCreateInstance ([MS-DCOM] 3.1.2.5.2.3.3); raises NdrError."""
    reader = NdrReader(stub)
    orpc.read_orpcthis(reader)
    if reader.u32():  # pUnkOuter
        orpc.read_interface_pointer(reader)
        reader.align(4)
    if not reader.u32():
        raise NdrError("no activation properties")
    class_id, blob = orpc.parse_custom_objref(orpc.read_interface_pointer(reader))
    if class_id != CLSID_PROPERTIES_IN:
        raise NdrError(f"activation properties of class {class_id}")
    return parse_activation(blob)


_NAMES = {
    (IID_OBJECT_EXPORTER, SERVER_ALIVE): "ServerAlive",
    (IID_OBJECT_EXPORTER, RESOLVE_OXID_2): "ResolveOxid2",
    (IID_OBJECT_EXPORTER, SERVER_ALIVE_2): "ServerAlive2",
    (IID_ACTIVATOR, REMOTE_CREATE_INSTANCE): "RemoteCreateInstance",
    (IID_REM_UNKNOWN, REM_QUERY_INTERFACE): "RemQueryInterface",
    (IID_REM_UNKNOWN, REM_ADD_REF): "RemAddRef",
    (IID_REM_UNKNOWN, REM_RELEASE): "RemRelease",
    (rasrv.IID_IRASRV, rasrv.GET_SESSION_INFO): "GetSessionInfo",
    (rasrv.IID_IRASRV, rasrv.GET_NOVICE_USER_INFO): "GetNoviceUserInfo",
}


def _call_name(call: Call) -> str:
    interface = IID_REM_UNKNOWN if call.interface == IID_REM_UNKNOWN_2 else call.interface
    return _NAMES.get((interface, call.opnum), f"{call.interface} opnum {call.opnum}")
