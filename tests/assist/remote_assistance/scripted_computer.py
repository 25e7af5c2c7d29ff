"""A novice's computer that misbehaves as a test says, one step at a time.

It authenticates and seals for real (RFC 4120, RFC 4121, [MS-RPCE]) with a session key made for
the test, so that what comes after the authentication can go wrong too. The lab's computers are
the believable ones; this one exists for what they never do.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from impacket.dcerpc.v5 import dcomrt
from impacket.dcerpc.v5.dtypes import DWORD
from impacket.krb5 import asn1, constants
from impacket.krb5.crypto import _AES256CTS, Key
from impacket.krb5.types import Principal
from impacket.spnego import SPNEGO_NegTokenInit, SPNEGO_NegTokenResp
from pyasn1.codec.der import decoder, encoder

from assist.remote_assistance.kerberos import ServiceTicket

ADDRESS = "127.0.0.1"
SCM = UUID("000001a0-0000-0000-c000-000000000046")
IRASRV = UUID("F120A684-B926-447F-9DF4-C966CB785648")
IREMUNKNOWN = UUID("00000131-0000-0000-c000-000000000046")
NDR = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, ALTER, ALTER_ACK = 0, 2, 3, 11, 12, 14, 15
PRIVACY = 6
AP_REP_USAGE, AUTHENTICATOR_USAGE = 12, 11
ACCEPTOR_SEAL, INITIATOR_SEAL = 22, 24
IPID, REMOTE_UNKNOWN = b"\x11" * 16, b"\x22" * 16
ORPC_THAT = bytes(8)


@dataclass(frozen=True)
class Call:
    """A request as it arrived: the interface it was bound to, its number and its stub."""

    interface: UUID
    operation: int
    stub: bytes
    object_id: bytes


class Refused(Exception):
    """Raised by a script to answer a call with an RPC fault."""

    def __init__(self, status: int) -> None:
        super().__init__(hex(status))
        self.status = status


class Hangs(Exception):
    """Raised by a script to answer nothing and keep the connection open."""


class HangsUp(Exception):
    """Raised by a script to close the connection instead of answering."""


@dataclass
class ScriptedComputer:
    """Listens on loopback until :meth:`close`.

    Attributes:
        answers: The stub for each (interface, operation); a callable is given the call.
        raw: What happens to a connection instead of RPC, if anything.
        bindings: The exporter's string bindings; ``{port}`` is this computer's own port.
        on_packet: May change each packet just before it is sent.
    """

    answers: dict[tuple[UUID, int], Callable[[Call], bytes]] = field(default_factory=dict)
    raw: Callable[[socket.socket], None] | None = None
    bindings: tuple[str, ...] = ("127.0.0.1[{port}]",)
    bind_fault: int | None = None
    on_packet: Callable[[Call, bytes], bytes] = lambda _call, packet: packet
    calls: list[Call] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.session_key = Key(_AES256CTS.enctype, os.urandom(32))
        self._closing = threading.Event()
        self._listener = socket.create_server((ADDRESS, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # closing alone leaves `accept` waiting
        self._listener.close()

    def ticket(self) -> ServiceTicket:
        """A ticket for this computer, as a Kerberos server would have given it."""
        reply = asn1.TGS_REP()
        reply["pvno"] = 5
        reply["msg-type"] = int(constants.ApplicationTagNumbers.TGS_REP.value)
        reply["crealm"] = "R2.LOCAL"
        client = Principal("svc-ra-portal", type=constants.PrincipalNameType.NT_PRINCIPAL.value)
        server = Principal(
            "host/xp191.r2.local", type=constants.PrincipalNameType.NT_SRV_INST.value
        )
        asn1.seq_set(reply, "cname", client.components_to_asn1)
        ticket = asn1.seq_set(reply, "ticket")
        ticket["tkt-vno"] = 5
        ticket["realm"] = "R2.LOCAL"
        asn1.seq_set(ticket, "sname", server.components_to_asn1)
        for holder in (asn1.seq_set(ticket, "enc-part"), asn1.seq_set(reply, "enc-part")):
            holder["etype"] = _AES256CTS.enctype
            holder["cipher"] = b"opaque to the client"
        return ServiceTicket(
            "host/xp191.r2.local",
            "svc-ra-portal",
            "R2.LOCAL",
            {
                "KDC_REP": encoder.encode(reply),
                "cipher": _AES256CTS,
                "sessionKey": self.session_key,
            },
        )

    def on_acknowledgement(self, packet: bytes) -> bytes:
        """What is sent to acknowledge a bind; may raise as a script."""
        return packet

    def on_sending(self, peer: socket.socket, packet: bytes) -> None:
        """Sends one packet."""
        peer.sendall(packet)

    def operations(self) -> list[tuple[UUID, int]]:
        return [(call.interface, call.operation) for call in self.calls]

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._connection, args=(peer,), daemon=True).start()

    def _connection(self, peer: socket.socket) -> None:
        with peer:
            try:
                if self.raw:
                    self.raw(peer)
                else:
                    _Conversation(self, peer).run()
            except Hangs:
                self._closing.wait(30)
            except (HangsUp, OSError):
                return


class _Conversation:
    """One connection: bind, alter context, calls."""

    def __init__(self, computer: ScriptedComputer, peer: socket.socket) -> None:
        self._computer = computer
        self._peer = peer
        self._key = Key(_AES256CTS.enctype, os.urandom(32))
        self._interface = SCM
        self._sequence = 0

    def run(self) -> None:
        while packet := self._receive():
            kind, call_id = packet[2], struct.unpack_from("<I", packet, 12)[0]
            if kind == BIND:
                self._bind(packet, call_id)
            elif kind == ALTER:
                self._send(_acknowledgement(ALTER_ACK, call_id, b""))
            elif kind == REQUEST:
                self._request(packet, call_id)

    def _bind(self, packet: bytes, call_id: int) -> None:
        if self._computer.bind_fault is not None:
            self._send(_fault(call_id, self._computer.bind_fault))
            return
        self._interface = UUID(bytes_le=packet[32:48])
        length = struct.unpack_from("<H", packet, 10)[0]
        token = SPNEGO_NegTokenInit(packet[-length:])["MechToken"]
        request, _ = decoder.decode(token[_inner(token) :], asn1Spec=asn1.AP_REQ())
        cipher = _AES256CTS
        plain = cipher.decrypt(
            self._computer.session_key,
            AUTHENTICATOR_USAGE,
            request["authenticator"]["cipher"].asOctets(),
        )
        authenticator, _ = decoder.decode(plain, asn1Spec=asn1.Authenticator())
        part = asn1.EncAPRepPart()
        part["ctime"] = str(authenticator["ctime"])
        part["cusec"] = int(authenticator["cusec"])
        subkey = asn1.seq_set(part, "subkey")
        subkey["keytype"] = self._key.enctype
        subkey["keyvalue"] = self._key.contents
        part["seq-number"] = 0
        reply = asn1.AP_REP()
        reply["pvno"] = 5
        reply["msg-type"] = int(constants.ApplicationTagNumbers.AP_REP.value)
        sealed = asn1.seq_set(reply, "enc-part")
        sealed["etype"] = cipher.enctype
        sealed["cipher"] = cipher.encrypt(
            self._computer.session_key, AP_REP_USAGE, encoder.encode(part), None
        )
        response = SPNEGO_NegTokenResp()
        response["ResponseToken"] = encoder.encode(reply)
        acknowledgement = _acknowledgement(BIND_ACK, call_id, response.getData())
        self._send(self._computer.on_acknowledgement(acknowledgement))

    def _request(self, packet: bytes, call_id: int) -> None:
        call = self._unseal(packet)
        self._computer.calls.append(call)
        try:
            stub = self._answer(call)
        except Refused as refusal:
            self._send(_fault(call_id, refusal.status))
            return
        self._send(self._computer.on_packet(call, self._seal(stub, call_id)))

    def _answer(self, call: Call) -> bytes:
        scripted = self._computer.answers.get((call.interface, call.operation))
        if scripted:
            return scripted(call)
        if call.interface == SCM:
            places = [text.format(port=self._computer.port) for text in self._computer.bindings]
            return activation_answer(places)
        return ORPC_THAT + bytes(4)

    def _unseal(self, packet: bytes) -> Call:
        length = struct.unpack_from("<H", packet, 10)[0]
        object_id = packet[24:40] if packet[3] & 0x80 else b""
        begin = 40 if object_id else 24
        trailer = packet[-length - 8 : -length]
        token, data = packet[-length:], packet[begin : -length - 8]
        ec, rrc = struct.unpack_from(">HH", token, 4)
        rotated = token[16:] + data
        turn = (rrc + ec) % len(rotated)
        plain = _AES256CTS.decrypt(self._key, INITIATOR_SEAL, rotated[turn:] + rotated[:turn])
        stub = plain[: len(plain) - 16 - ec]
        stub = stub[: len(stub) - trailer[2]] if trailer[2] else stub
        operation = struct.unpack_from("<H", packet, 22)[0]
        return Call(self._interface, operation, stub, object_id)

    def _seal(self, stub: bytes, call_id: int) -> bytes:
        pad = -len(stub) % 16
        head = struct.pack(">HBBHHQ", 0x0504, 0x07, 0xFF, 0, 0, self._sequence)
        plain = stub + bytes(pad) + head
        sealed = _AES256CTS.encrypt(self._key, ACCEPTOR_SEAL, plain, None)
        rotated = sealed[-28:] + sealed[:-28]
        head = struct.pack(">HBBHHQ", 0x0504, 0x07, 0xFF, 0, 28, self._sequence)
        token, data = head + rotated[:44], rotated[44:]
        self._sequence += 1
        trailer = struct.pack("<BBBBI", 9, PRIVACY, pad, 0, 79231)
        body = struct.pack("<IHBB", len(stub), 0, 0, 0) + data + trailer + token
        return _header(RESPONSE, len(body), call_id, len(token)) + body

    def _receive(self) -> bytes:
        header = self._exactly(16)
        if not header:
            return b""
        return header + self._exactly(struct.unpack_from("<H", header, 8)[0] - 16)

    def _exactly(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            more = self._peer.recv(count - len(taken))
            if not more:
                return b""
            taken += more
        return taken

    def _send(self, packet: bytes) -> None:
        self._computer.on_sending(self._peer, packet)


def _inner(token: bytes) -> int:
    """Where the AP-REQ begins behind the GSS framing (RFC 4121 4.1)."""
    return token.index(b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02") + 13


def _header(kind: int, body: int, call_id: int, auth: int, flags: int = 3) -> bytes:
    return struct.pack("<BBBB4sHHI", 5, 0, kind, flags, b"\x10\0\0\0", 16 + body, auth, call_id)


def _fault(call_id: int, status: int) -> bytes:
    body = struct.pack("<IHBBII", 0, 0, 0, 0, status, 0)
    return _header(FAULT, len(body), call_id, 0) + body


def _acknowledgement(kind: int, call_id: int, token: bytes) -> bytes:
    body = struct.pack("<HHIH", 5840, 5840, 1, 0) + b"\0\0"
    body += struct.pack("<BBHHH", 1, 0, 0, 0, 0) + NDR.bytes_le + struct.pack("<I", 2)
    if token:
        body += struct.pack("<BBBBI", 9, PRIVACY, 0, 0, 79231) + token
    return _header(kind, len(body), call_id, len(token)) + body


def packet_without_seal(sealed: bytes, stub: bytes) -> bytes:
    """The response that ``sealed`` was, with this stub and no protection."""
    body = struct.pack("<IHBB", len(stub), 0, 0, 0) + stub
    return _header(RESPONSE, len(body), struct.unpack_from("<I", sealed, 12)[0], 0) + body


def activation_answer(places: list[str], *, hresult: int = 0) -> bytes:
    """RemoteCreateInstance's answer: an IRASrv with five references behind those bindings."""
    text = "".join(f"\x07{place}\0" for place in places) + "\0"
    words = list(struct.unpack(f"<{len(text)}H", text.encode("utf-16-le")))
    security = len(words)
    words += [9, 0xFFFF, 0, 0]
    scm = dcomrt.ScmReplyInfoData()
    scm["pdwReserved"] = 0
    remote = scm["remoteReply"]
    remote["Oxid"] = 7
    remote["pdsaOxidBindings"]["wNumEntries"] = len(words)
    remote["pdsaOxidBindings"]["wSecurityOffset"] = security
    remote["pdsaOxidBindings"]["aStringArray"] = words
    remote["ipidRemUnknown"] = REMOTE_UNKNOWN
    remote["authnHint"] = 2
    remote["serverVersion"]["MajorVersion"] = 5
    remote["serverVersion"]["MinorVersion"] = 7
    standard = dcomrt.OBJREF_STANDARD()
    standard["iid"] = IRASRV.bytes_le
    standard["std"]["flags"] = 0
    standard["std"]["cPublicRefs"] = 5
    standard["std"]["oxid"] = 7
    standard["std"]["oid"] = 8
    standard["std"]["ipid"] = IPID
    standard["saResAddr"] = struct.pack("<HHHH", 2, 1, 0, 0)
    props = dcomrt.PropsOutInfo()
    props["cIfs"] = 1
    iid = dcomrt.IID()
    iid["Data"] = IRASRV.bytes_le
    props["piid"].append(iid)
    succeeded = DWORD()
    succeeded["Data"] = 0
    props["phresults"].append(succeeded)
    pointer = dcomrt.PMInterfacePointer()
    raw = standard.getData()
    pointer["ulCntData"] = len(raw)
    pointer["abData"] = list(raw)
    props["ppIntfData"].append(pointer)
    return _wrap_properties(scm, props, hresult)


def _wrap_properties(scm: Any, props: Any, hresult: int) -> bytes:
    blob = dcomrt.ACTIVATION_BLOB()
    blob["CustomHeader"]["destCtx"] = 2
    blob["CustomHeader"]["pdwReserved"] = dcomrt.NULL
    joined = b""
    for class_id, part in (
        (dcomrt.CLSID_PropsOutInfo, props),
        (dcomrt.CLSID_ScmReplyInfo, scm),
    ):
        data = part.getData() + part.getDataReferents()
        data += b"\xfa" * (-len(data) % 8)
        entry = dcomrt.CLSID()
        entry["Data"] = class_id
        blob["CustomHeader"]["pclsid"].append(entry)
        size = DWORD()
        size["Data"] = len(data)
        blob["CustomHeader"]["pSizes"].append(size)
        joined += data
    blob["Property"] = joined
    reference = dcomrt.OBJREF_CUSTOM()
    reference["iid"] = dcomrt.IID_IActivationPropertiesOut[:-4]
    reference["clsid"] = dcomrt.CLSID_ActivationPropertiesOut
    reference["pObjectData"] = blob.getData()
    reference["ObjectReferenceSize"] = len(reference["pObjectData"]) + 8
    response = dcomrt.RemoteCreateInstanceResponse()
    response["ORPCthat"]["flags"] = 0
    response["ORPCthat"]["extensions"] = dcomrt.NULL
    raw = reference.getData()
    response["ppActProperties"]["ulCntData"] = len(raw)
    response["ppActProperties"]["abData"] = list(raw)
    response["ErrorCode"] = hresult
    return bytes(response.getData())
