"""DCOM activation: asks a computer for an object ([MS-DCOM] 3.1.2.5.2.3.3, 2.2.22)."""

from __future__ import annotations

import struct
from typing import Any
from uuid import UUID, uuid4

from impacket.dcerpc.v5 import dcomrt
from impacket.dcerpc.v5.dtypes import DWORD, NULL

from assist.remote_assistance import errors
from assist.remote_assistance.activation_reply import TCP, ActivationReply, parse_activation_reply
from assist.remote_assistance.ndr import COM_VERSION
from assist.remote_assistance.ntlm_rpc import NtlmConnection
from assist.remote_assistance.rpc import Connection, RpcFaultError

REMOTE_SCM_ACTIVATOR = UUID("000001a0-0000-0000-c000-000000000046")
REMOTE_CREATE_INSTANCE = 4
NO_SESSION = 0xFFFFFFFF
_PRIVACY = 6
AnyConnection = Connection | NtlmConnection


def activate(
    connection: AnyConnection,
    class_id: UUID,
    interface: UUID,
    session_id: int | None,
    version: tuple[int, int] = COM_VERSION,
) -> ActivationReply:
    """Creates an object of a class.

    Args:
        connection: To IRemoteSCMActivator on port 135.
        class_id: The class.
        interface: The interface wanted of it.
        session_id: The logon session it shall run in, or None.
        version: The COM version of the call.

    Raises:
        RemoteAssistanceError: The computer refuses, or its answer makes no sense.
    """
    try:
        answer = connection.call(
            REMOTE_CREATE_INSTANCE, _request(class_id, interface, session_id, version)
        )
    except RpcFaultError as fault:
        raise errors.for_fault(fault.status) from fault
    reply = parse_activation_reply(answer)
    if reply.hresult:
        raise errors.for_hresult(reply.hresult)
    return reply


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


def _request(
    class_id: UUID, interface: UUID, session_id: int | None, version: tuple[int, int]
) -> bytes:
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
    this["version"]["MajorVersion"], this["version"]["MinorVersion"] = version
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
