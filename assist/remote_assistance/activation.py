"""DCOM activation: asks a computer for an object ([MS-DCOM] 3.1.2.5.2.3.3, 2.2.22)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from impacket.dcerpc.v5 import dcomrt
from impacket.dcerpc.v5.dtypes import DWORD, NULL

from assist.remote_assistance import errors
from assist.remote_assistance.rpc import Connection, translated

REMOTE_SCM_ACTIVATOR = UUID("000001a0-0000-0000-c000-000000000046")
REMOTE_CREATE_INSTANCE = 4
TCP = 7  # protocol sequence ncacn_ip_tcp in a binding
NO_SESSION = 0xFFFFFFFF
_PRIVACY = 6
_PORT = re.compile(r"\[(\d{1,5})\]\Z")


@dataclass(frozen=True)
class RemoteObject:
    """An object on the novice's computer.

    Attributes:
        ipid: The interface pointer's id, 16 bytes.
        remote_unknown: The IPID of the exporter's IRemUnknown, 16 bytes.
        public_references: How many references the activation gave; all are released.
        port: The object exporter's TCP port.
    """

    ipid: bytes
    remote_unknown: bytes
    public_references: int
    port: int


def activate(
    connection: Connection, class_id: UUID, interface: UUID, session_id: int | None
) -> RemoteObject:
    """Creates an object of a class.

    Args:
        connection: To IRemoteSCMActivator on port 135.
        class_id: The class.
        interface: The interface wanted of it.
        session_id: The logon session it shall run in, or None.

    Raises:
        RemoteAssistanceError: The computer refuses, or its answer makes no sense.
    """
    with translated():
        answer = connection.call(REMOTE_CREATE_INSTANCE, _request(class_id, interface, session_id))
        if len(answer) < 4:
            raise errors.BadAnswer()
        hresult = int.from_bytes(answer[-4:], "little")
        if hresult:
            raise errors.for_hresult(hresult)
        return _parse(answer)


def pack_special_properties(session_id: int | None) -> bytes:
    """SpecialPropertiesData ([MS-DCOM] 2.2.22.2.2), serialised with its headers."""
    chosen = NO_SESSION if session_id is None else session_id
    body = struct.pack("<IiiiI", chosen, int(session_id is not None), 0, 0, _PRIVACY)
    body += bytes(16) + struct.pack("<III", 0, 0, 0)  # guidPartition, PRT, original context, flags
    body += bytes(4 + 4 + 8 + 5 * 4 + 4)  # Reserved1, padding, Reserved2, Reserved3[5], padding
    header = struct.pack("<BBHIII", 1, 0x10, 8, 0xCCCCCCCC, len(body), 0)
    return header + body


def _serialised(structure: Any) -> bytes:
    data = structure.getData() + structure.getDataReferents()
    return bytes(data) + b"\xfa" * (-len(data) % 8)


def _properties(
    class_id: UUID, interface: UUID, session_id: int | None
) -> list[tuple[bytes, bytes]]:
    instantiation = dcomrt.InstantiationInfoData()
    instantiation["classId"] = class_id.bytes_le
    instantiation["cIID"] = 1
    wanted = dcomrt.IID()
    wanted["Data"] = interface.bytes_le
    instantiation["pIID"].append(wanted)
    instantiation["thisSize"] = len(_serialised(instantiation))
    context = dcomrt.ActivationContextInfoData()
    context["pIFDClientCtx"] = NULL
    context["pIFDPrototypeCtx"] = NULL
    location = dcomrt.LocationInfoData()
    location["machineName"] = NULL
    request = dcomrt.ScmRequestInfoData()
    request["pdwReserved"] = NULL
    request["remoteRequest"]["cRequestedProtseqs"] = 1
    request["remoteRequest"]["pRequestedProtseqs"].append(TCP)
    return [
        (dcomrt.CLSID_SpecialSystemProperties, pack_special_properties(session_id)),
        (dcomrt.CLSID_InstantiationInfo, _serialised(instantiation)),
        (dcomrt.CLSID_ActivationContextInfo, _serialised(context)),
        (dcomrt.CLSID_ServerLocationInfo, _serialised(location)),
        (dcomrt.CLSID_ScmRequestInfo, _serialised(request)),
    ]


def _request(class_id: UUID, interface: UUID, session_id: int | None) -> bytes:
    blob = dcomrt.ACTIVATION_BLOB()
    blob["CustomHeader"]["destCtx"] = 2  # a different computer
    blob["CustomHeader"]["pdwReserved"] = NULL
    properties = _properties(class_id, interface, session_id)
    for property_class, data in properties:
        entry = dcomrt.CLSID()
        entry["Data"] = property_class
        blob["CustomHeader"]["pclsid"].append(entry)
        size = DWORD()
        size["Data"] = len(data)
        blob["CustomHeader"]["pSizes"].append(size)
    blob["Property"] = b"".join(data for _, data in properties)
    reference = dcomrt.OBJREF_CUSTOM()
    reference["iid"] = dcomrt.IID_IActivationPropertiesIn[:-4]
    reference["clsid"] = dcomrt.CLSID_ActivationPropertiesIn
    reference["pObjectData"] = blob.getData()
    reference["ObjectReferenceSize"] = len(reference["pObjectData"]) + 8
    this = dcomrt.ORPCTHIS()
    this["cid"] = uuid4().bytes_le
    this["extensions"] = NULL
    this["flags"] = 1
    request = dcomrt.RemoteCreateInstance()
    request["ORPCthis"] = this
    request["pUnkOuter"] = NULL
    data = reference.getData()
    request["pActProperties"]["ulCntData"] = len(data)
    request["pActProperties"]["abData"] = list(data)
    return bytes(request.getData())


def _parse(answer: bytes) -> RemoteObject:
    response = dcomrt.RemoteCreateInstanceResponse(answer)
    reference = dcomrt.OBJREF_CUSTOM(b"".join(response["ppActProperties"]["abData"]))
    blob = dcomrt.ACTIVATION_BLOB(reference["pObjectData"])
    header = blob["CustomHeader"]
    parts: dict[bytes, bytes] = {}
    offset = 0
    for property_class, size in zip(header["pclsid"], header["pSizes"], strict=True):
        parts[property_class["Data"]] = blob["Property"][offset : offset + size["Data"]]
        offset += size["Data"]
    reply = _deserialised(dcomrt.ScmReplyInfoData(), parts[dcomrt.CLSID_ScmReplyInfo])
    output = _deserialised(dcomrt.PropsOutInfo(), parts[dcomrt.CLSID_PropsOutInfo])
    results = [
        result["Data"] if hasattr(result, "fields") else result for result in output["phresults"]
    ]
    if results and results[0]:
        raise errors.for_hresult(results[0] & 0xFFFFFFFF)
    standard = dcomrt.OBJREF_STANDARD(b"".join(output["ppIntfData"][0]["abData"]))["std"]
    remote = reply["remoteReply"]
    return RemoteObject(
        ipid=bytes(standard["ipid"]),
        remote_unknown=bytes(remote["ipidRemUnknown"]),
        public_references=int(standard["cPublicRefs"]),
        port=_port(remote["pdsaOxidBindings"]),
    )


def _deserialised(structure: Any, data: bytes) -> Any:
    size = structure.fromString(data)
    structure.fromStringReferents(data[size:])
    return structure


def _port(bindings: Any) -> int:
    """The TCP port of the object exporter.

    Only the port is taken: the address that is called stays the one that the directory gave, so
    that a hostile computer cannot send the portal elsewhere.
    """
    words = bindings["aStringArray"][: bindings["wSecurityOffset"]]
    raw = struct.pack(f"<{len(words)}H", *words)
    for entry in raw.decode("utf-16-le", errors="replace").split("\0"):
        if entry and ord(entry[0]) == TCP and (match := _PORT.search(entry)):
            port = int(match[1])
            if 0 < port < 65_536:
                return port
    raise errors.BadAnswer("The computer names no TCP port for the object.")
