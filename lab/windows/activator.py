"""Port 135: the endpoint mapper and IObjectExporter for anyone, activation for helpers."""

from __future__ import annotations

from lab.windows import calls, endpoint_mapper, even6, orpc, pdu, results
from lab.windows.activation_properties import (
    CLSID_PROPERTIES_IN,
    ActivationRequest,
    pack_reply,
    parse_activation,
)
from lab.windows.event_service import EventService
from lab.windows.exporter import ObjectExporter
from lab.windows.ndr import NdrError, NdrReader, NdrWriter
from lab.windows.rpc_server import Call


class Activator:
    """What a computer answers at port 135.

    Args:
        exporter: Makes the objects.
        event_service: Reads the event log; None where there is none of that kind.
        event_port: Where it listens.
    """

    interfaces = frozenset(
        {calls.IID_ENDPOINT_MAPPER, calls.IID_OBJECT_EXPORTER, calls.IID_ACTIVATOR}
    )

    def __init__(
        self,
        exporter: ObjectExporter,
        event_service: EventService | None = None,
        event_port: int = 0,
    ) -> None:
        self._exporter = exporter
        self._event_service = event_service
        self._event_port = event_port
        self._computer = exporter.computer
        self._recorder = exporter.recorder

    async def answer(self, call: Call) -> bytes:
        if call.interface == calls.IID_ACTIVATOR:
            return self._answer_activator(call)
        if pdu.LEVEL_CONNECT < call.level < pdu.LEVEL_PRIVACY:
            # Signed, which is not checked here: nobody serious calls so.
            raise self._recorder.faulted(call, pdu.FAULT_ACCESS_DENIED)
        if call.interface == calls.IID_ENDPOINT_MAPPER:
            return self._answer_endpoint_mapper(call)
        return self._answer_exporter(call)

    def _answer_activator(self, call: Call) -> bytes:
        if call.caller is None or call.level < pdu.LEVEL_PRIVACY:
            raise self._recorder.faulted(call, pdu.FAULT_ACCESS_DENIED)
        if call.opnum != calls.REMOTE_CREATE_INSTANCE:
            raise self._recorder.faulted(call, pdu.FAULT_OPNUM_RANGE)
        try:
            request = read_create_instance(call.stub)
        except NdrError:
            self._recorder.faulted(call, pdu.FAULT_BAD_STUB_DATA)
            raise
        result = self._check(call, request)
        self._recorder.answered(call, result, request.session_id)
        writer = NdrWriter()
        orpc.write_orpcthat(writer)
        if result == results.S_OK:
            writer.pointer()
            orpc.write_interface_pointer(writer, pack_reply(self._exporter.create(request)))
            writer.align(4)
        else:
            writer.u32(0)
        writer.u32(result)
        return writer.getvalue()

    def _check(self, call: Call, request: ActivationRequest) -> int:
        """The HRESULT of an activation, in the order in which Windows would notice."""
        if call.caller is None:
            return results.E_ACCESSDENIED
        if request.class_id != self._computer.class_id:
            return results.CLASS_NOT_REGISTERED
        if (refusal := self._computer.policy.refusal(call.caller)) != results.S_OK:
            return refusal
        if not self._exporter.serves(request):
            return results.E_NOINTERFACE
        if request.session_id is not None and not self._computer.has_session(request.session_id):
            return results.NO_SUCH_SESSION
        return results.S_OK

    def _answer_exporter(self, call: Call) -> bytes:
        """ServerAlive and ServerAlive2 ([MS-DCOM] 3.1.2.5.1)."""
        writer = NdrWriter()
        match call.opnum:
            case calls.SERVER_ALIVE:
                pass
            case calls.SERVER_ALIVE_2:
                for number in orpc.VERSION:
                    writer.u16(number)
                writer.pointer()
                hosts = [self._computer.description.name, self._computer.description.address]
                orpc.write_dual_string_array(writer, orpc.pack_dual_string_array(hosts))
                writer.u32(0)
            case _:
                raise self._recorder.faulted(call, pdu.FAULT_OPNUM_RANGE)
        writer.u32(results.S_OK)
        self._recorder.answered(call, results.S_OK)
        return writer.getvalue()

    def _answer_endpoint_mapper(self, call: Call) -> bytes:
        """ept_map: the event log service can be looked up, DCOM registers nothing here."""
        if call.opnum != calls.EPT_MAP:
            raise self._recorder.faulted(call, pdu.FAULT_OPNUM_RANGE)
        served = {}
        if self._event_service is not None and self._event_service.is_open:
            served[even6.IID_EVENT_SERVICE] = (even6.VERSION, self._event_port)
        try:
            answer, status = endpoint_mapper.answer_map(
                call.stub, served, self._computer.description.address
            )
        except NdrError:
            self._recorder.faulted(call, pdu.FAULT_BAD_STUB_DATA)
            raise
        self._recorder.answered(call, status)
        return answer


def read_create_instance(stub: bytes) -> ActivationRequest:
    """RemoteCreateInstance ([MS-DCOM] 3.1.2.5.2.3.3).

    Raises:
        NdrError: the stub is malformed.
    """
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
