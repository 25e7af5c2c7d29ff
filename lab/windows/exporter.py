"""The object exporter: objects of RASrv and their references, at a dynamic port."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, replace
from functools import partial

from lab.windows import automation, calls, orpc, pchservice, pdu, rasrv, results
from lab.windows.activation_properties import ActivationReply, ActivationRequest
from lab.windows.computer import Computer
from lab.windows.journal import Journal
from lab.windows.ndr import NdrError, NdrReader, NdrWriter
from lab.windows.rpc_server import Call

PUBLIC_REFERENCES = 5  # handed out with each interface pointer, as Windows does
LOW_HINT = pdu.LEVEL_CONNECT  # a server's suggestion; callers must keep their own, higher level
SERVED = frozenset({rasrv.IID_IRASRV, calls.IID_UNKNOWN})


@dataclass
class _Object:
    """A live instance of RASrv, with the logon session it was made for."""

    number: int
    session_id: int | None
    ipids: dict[uuid.UUID, uuid.UUID]  # IPID -> interface
    references: int = 0
    content: object = None  # what it is in the older interface

    @property
    def served(self) -> frozenset[uuid.UUID]:
        own = pchservice.served(self.content)
        return own | {calls.IID_UNKNOWN} if own else SERVED


class ObjectExporter:
    """Makes, serves and drops the objects of one computer.

    Args:
        computer: Whose objects.
        journal: Gets every call.
    """

    def __init__(self, computer: Computer, journal: Journal) -> None:
        self.computer = computer
        own = pchservice.INTERFACES if computer.is_legacy else frozenset({rasrv.IID_IRASRV})
        self.interfaces = own | {calls.IID_REM_UNKNOWN, calls.IID_REM_UNKNOWN_2}
        self.recorder = calls.CallRecorder(computer.description.name, journal)
        self.port = 0  # set once it listens
        self._oxid = secrets.randbits(63)
        self._rem_unknown = uuid.uuid4()
        self._objects: list[_Object] = []

    def create(self, request: ActivationRequest) -> ActivationReply:
        """Makes an instance of the class with one interface pointer per interface asked for."""
        content = pchservice.Service() if self.computer.is_legacy else None
        made = self._make(request.session_id, content)
        references = [
            (interface, self._pack_reference(made, interface)) for interface in request.interfaces
        ]
        return ActivationReply(
            tuple(references),
            self._oxid,
            self._bindings(),
            self._rem_unknown,
            LOW_HINT,
            orpc.OLDER_VERSION if self.computer.is_legacy else orpc.VERSION,
        )

    def serves(self, request: ActivationRequest) -> bool:
        """Whether an object of this computer's class has every interface asked for."""
        content = pchservice.Service() if self.computer.is_legacy else None
        return set(request.interfaces) <= _Object(0, None, {}, content=content).served

    def _bindings(self) -> bytes:
        hosts = (self.computer.description.name, self.computer.description.address)
        return orpc.pack_dual_string_array([f"{host}[{self.port}]" for host in hosts])

    def _make(self, session_id: int | None, content: object) -> _Object:
        made = _Object(secrets.randbits(63), session_id, {}, content=content)
        self._objects.append(made)
        return made

    def _pack_reference(self, target: _Object, interface: uuid.UUID) -> bytes:
        reference = self._reference(target, interface)
        return orpc.pack_standard_objref(interface, reference, self._bindings())

    @property
    def live_objects(self) -> int:
        """How many objects somebody still holds a reference to."""
        return len(self._objects)

    def _reference(self, target: _Object, interface: uuid.UUID) -> orpc.StandardReference:
        ipid = uuid.uuid4()
        target.ipids[ipid] = interface
        target.references += PUBLIC_REFERENCES
        return orpc.StandardReference(PUBLIC_REFERENCES, self._oxid, target.number, ipid)

    def _find(self, ipid: uuid.UUID | None) -> _Object | None:
        return next((found for found in self._objects if ipid in found.ipids), None)

    async def answer(self, call: Call) -> bytes:
        faulted = self.recorder.faulted
        if call.caller is None or call.level < pdu.LEVEL_PRIVACY:
            raise faulted(call, pdu.FAULT_ACCESS_DENIED)
        if self.computer.policy.refusal(call.caller) != results.S_OK:
            raise faulted(call, pdu.FAULT_ACCESS_DENIED)
        if call.interface in (calls.IID_REM_UNKNOWN, calls.IID_REM_UNKNOWN_2):
            return self._answer_rem_unknown(call)
        target = self._find(call.object_uuid)
        if target is None:
            raise faulted(call, pdu.FAULT_NO_SUCH_OBJECT)
        if target.ipids[call.object_uuid or uuid.UUID(int=0)] != call.interface:
            raise faulted(call, pdu.FAULT_UNKNOWN_INTERFACE)
        try:
            if call.interface in pchservice.INTERFACES:
                return await self._older(call, target)
            match call.opnum:
                case rasrv.GET_SESSION_INFO:
                    return self._session_info(call, target)
                case rasrv.GET_NOVICE_USER_INFO:
                    return await self._novice_user_info(call, target)
        except NdrError:
            faulted(call, pdu.FAULT_BAD_STUB_DATA, target.session_id)
            raise
        raise faulted(call, pdu.FAULT_OPNUM_RANGE, target.session_id)

    async def _older(self, call: Call, target: _Object) -> bytes:
        """The calls of IPCHService, IPCHCollection and ISAFSession."""
        match target.content, call.opnum:
            case pchservice.Service(), pchservice.REMOTE_USER_SESSION_INFO:
                collection = self._make(None, pchservice.Collection(self.computer.logged_on))
                reference = self._pack_reference(collection, pchservice.IID_IPCHCOLLECTION)
                answer = pchservice.answer(partial(automation.write_object, reference=reference))
            case pchservice.Service(), pchservice.REMOTE_CONNECTION_PARMS:
                return await self._connection_parameters(call)
            case pchservice.Collection() as content, pchservice.COUNT:
                count = len(content.sessions)
                answer = pchservice.answer(lambda writer: writer.u32(count))
            case pchservice.Collection() as content, pchservice.ITEM:
                index = pchservice.read_index(call.stub)
                if not 1 <= index <= len(content.sessions):
                    self.recorder.answered(call, results.E_INVALIDARG)
                    return pchservice.answer(None, results.E_INVALIDARG)
                session = self._make(None, pchservice.Session(content.sessions[index - 1]))
                reference = self._pack_reference(session, pchservice.IID_IDISPATCH)
                answer = pchservice.answer(
                    partial(automation.write_object_variant, reference=reference)
                )
            case pchservice.Session() as content, opnum:
                answer = pchservice.session_property(content, opnum)
            case _:
                raise self.recorder.faulted(call, pdu.FAULT_OPNUM_RANGE)
        self.recorder.answered(call, results.S_OK)
        return answer

    async def _connection_parameters(self, call: Call) -> bytes:
        asked = pchservice.read_parameters(call.stub)
        text, session_id = None, None
        if asked is None:
            result = results.E_INVALIDARG
        elif not self.computer.is_logged_on(asked.domain, asked.user):
            result = results.NONE_MAPPED
        else:
            session_id = asked.session_id
            text, result = await self.computer.start_remote_assistance(session_id)
        self.recorder.answered(call, result, session_id)
        if text is None:
            return pchservice.answer(None, result)
        return pchservice.answer(partial(automation.write_text, text=text))

    def _session_info(self, call: Call, target: _Object) -> bytes:
        two = self.computer.two_referents
        array = rasrv.read_session_info_request(call.stub, two_referents=two)
        result, count = results.E_POINTER, 0
        if array is not None:
            result = results.S_OK
            cells, count = rasrv.fill_cells(self.computer.session_names(), len(array.cells))
            array = replace(array, cells=cells)
        self.recorder.answered(call, result, target.session_id)
        return rasrv.pack_session_info(array, count, result, two_referents=two)

    async def _novice_user_info(self, call: Call, target: _Object) -> bytes:
        text = None
        if rasrv.read_novice_user_info_request(call.stub) is None:
            result = results.E_POINTER
        else:
            text, result = await self.computer.start_remote_assistance(target.session_id)
        self.recorder.answered(call, result, target.session_id)
        return rasrv.pack_novice_user_info(text, result)

    def _answer_rem_unknown(self, call: Call) -> bytes:
        if call.object_uuid != self._rem_unknown:
            raise self.recorder.faulted(call, pdu.FAULT_NO_SUCH_OBJECT)
        reader = NdrReader(call.stub)
        writer = NdrWriter()
        orpc.write_orpcthat(writer)
        try:
            orpc.read_orpcthis(reader)
            match call.opnum:
                case calls.REM_QUERY_INTERFACE:
                    result = self._query_interface(reader, writer)
                case calls.REM_ADD_REF:
                    result = self._change_references(reader, writer, +1)
                case calls.REM_RELEASE:
                    result = self._change_references(reader, writer, -1)
                case _:
                    raise self.recorder.faulted(call, pdu.FAULT_OPNUM_RANGE)
        except NdrError:
            self.recorder.faulted(call, pdu.FAULT_BAD_STUB_DATA)
            raise
        writer.align(4)
        writer.u32(result)
        self.recorder.answered(call, result)
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
            if interface in target.served:
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
