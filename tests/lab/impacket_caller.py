"""Calls a simulated computer as impacket does: a client nobody on this project wrote."""

from __future__ import annotations

import os
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impacket.dcerpc.v5 import dcomrt, transport
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.krb5.ccache import CCache
from impacket.uuid import generate, string_to_bin, uuidtup_to_bin

from lab import world

NEGOTIATE, NTLM = 9, 10
CONNECT, INTEGRITY, PRIVACY = 2, 5, 6
RASRV = string_to_bin("3C3A70A7-A468-49B9-8ADA-28E11FCCAD5D")
IRASRV = uuidtup_to_bin(("F120A684-B926-447F-9DF4-C966CB785648", "0.0"))
NO_SESSION = 0xFFFFFFFF
SECONDS = 10


@dataclass(frozen=True)
class Activation:
    """What RemoteCreateInstance returned: IPIDs and the string bindings of the exporter."""

    rem_unknown: bytes
    ipid: bytes
    bindings: tuple[str, ...]

    @property
    def port(self) -> int:
        return int(self.bindings[0].partition("[")[2].rstrip("]"))


class Refused(Exception):
    """A call came back with an HRESULT, a fault or a refused bind.

    Attributes:
        code: The HRESULT; None for a fault or a refused bind, which the text tells.
    """

    def __init__(self, error: DCERPCException) -> None:
        super().__init__(str(error))
        self.code = error.get_error_code() if "SessionError" in str(error) else None


class Caller:
    """One account, with service tickets of its own.

    Args:
        lab: The lab's state directory.
        scratch: For the credential cache.
        user: The account; the portal's signs in by its keytab, people by password.
    """

    def __init__(self, lab: Path, scratch: Path, user: str) -> None:
        self._cache = scratch / f"cache-{user}"
        self._user = user
        self._settings = {"KRB5_CONFIG": str(lab / "krb5.conf"), "KRB5CCNAME": str(self._cache)}
        keytab = lab / "keytabs" / f"{user}.keytab"
        if keytab.exists():
            self._run("kinit", "-k", "-t", str(keytab), user)
        else:
            self._run("kinit", user, text=world.PERSON_PASSWORD + "\n")

    def _run(self, *command: str, text: str = "") -> None:
        subprocess.run(
            command, input=text, text=True, check=True, capture_output=True, timeout=SECONDS,
            env=os.environ | self._settings,
        )  # fmt: skip

    def connect(
        self, computer: world.Computer, port: int, *, kind: int = NEGOTIATE, level: int = PRIVACY
    ) -> Any:
        """A connection that still has to be bound."""
        wire = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{computer.address}[{port}]")
        wire.set_connect_timeout(SECONDS)
        wire.setRemoteName(computer.dns_name)
        wire.setRemoteHost(computer.address)
        rpc = wire.get_dce_rpc()
        if kind == NTLM:
            wire.set_credentials(self._user, world.PERSON_PASSWORD, world.NETBIOS_NAME)
        else:
            self._run("kvno", f"host/{computer.dns_name}")
            cache = CCache.loadFile(str(self._cache))
            ticket = cache.getCredential(f"host/{computer.dns_name}@{world.REALM}", anySPN=False)
            wire.set_credentials(self._user, "", world.REALM, TGS=ticket.toTGS())
            wire.set_kerberos(True)
        rpc.set_auth_type(kind)
        rpc.set_auth_level(level)
        rpc.connect()
        wire.get_socket().settimeout(SECONDS)
        return rpc

    def activate(
        self,
        computer: world.Computer,
        *,
        session_id: int | None = None,
        kind: int = NEGOTIATE,
        level: int = PRIVACY,
    ) -> Activation:
        """RemoteCreateInstance of RASrv.

        Raises:
            Refused: the computer did not let it happen.
        """
        rpc = self.connect(computer, 135, kind=kind, level=level)
        try:
            rpc.bind(dcomrt.IID_IRemoteSCMActivator)
            answer = rpc.request(_activation_request(session_id))
        except DCERPCException as error:
            raise Refused(error) from error
        finally:
            rpc.disconnect()
        return _read_activation(b"".join(answer["ppActProperties"]["abData"]))

    def call(
        self,
        computer: world.Computer,
        made: Activation,
        opnum: int,
        arguments: bytes,
        *,
        level: int = PRIVACY,
    ) -> bytes:
        """A method of IRASrv; returns the stub after ORPCTHAT. Raises Refused for a fault."""
        rpc = self.connect(computer, made.port, level=level)
        try:
            rpc.bind(IRASRV)
            rpc.call(opnum, _this().getData() + arguments, uuid=made.ipid)
            return bytes(rpc.recv()[8:])
        except DCERPCException as error:
            raise Refused(error) from error
        finally:
            rpc.disconnect()


def _this() -> Any:
    this = dcomrt.ORPCTHIS()
    this["cid"] = generate()
    this["extensions"] = NULL
    this["flags"] = 0
    return this


def _activation_request(session_id: int | None) -> Any:
    blob = dcomrt.ACTIVATION_BLOB()
    blob["CustomHeader"]["destCtx"] = 2
    blob["CustomHeader"]["pdwReserved"] = NULL
    content = b""

    special = dcomrt.SpecialPropertiesData()
    special["dwSessionId"] = NO_SESSION if session_id is None else session_id
    special["fRemoteThisSessionId"] = int(session_id is not None)
    special["Reserved"] = bytes(32)
    instantiation = dcomrt.InstantiationInfoData()
    instantiation["classId"] = RASRV
    instantiation["cIID"] = 1
    interface = dcomrt.IID()
    interface["Data"] = IRASRV[:16]
    instantiation["pIID"].append(interface)
    scm = dcomrt.ScmRequestInfoData()
    scm["pdwReserved"] = NULL
    scm["remoteRequest"]["cRequestedProtseqs"] = 1
    scm["remoteRequest"]["pRequestedProtseqs"].append(dcomrt.TOWERID_DOD_TCP)
    for class_id, property_ in (
        (dcomrt.CLSID_SpecialSystemProperties, special),
        (dcomrt.CLSID_InstantiationInfo, instantiation),
        (dcomrt.CLSID_ScmRequestInfo, scm),
    ):
        marshalled = property_.getData() + property_.getDataReferents()
        marshalled += bytes(-len(marshalled) % 8)
        identity, size = dcomrt.CLSID(), dcomrt.DWORD()
        identity["Data"], size["Data"] = class_id, len(marshalled)
        blob["CustomHeader"]["pclsid"].append(identity)
        blob["CustomHeader"]["pSizes"].append(size)
        content += marshalled
    blob["Property"] = content

    reference = dcomrt.OBJREF_CUSTOM()
    reference["iid"] = dcomrt.IID_IActivationPropertiesIn[:16]
    reference["clsid"] = dcomrt.CLSID_ActivationPropertiesIn
    reference["pObjectData"] = blob.getData()
    reference["ObjectReferenceSize"] = len(reference["pObjectData"]) + 8
    request = dcomrt.RemoteCreateInstance()
    request["ORPCthis"] = _this()
    request["pUnkOuter"] = NULL
    request["pActProperties"]["ulCntData"] = len(reference.getData())
    request["pActProperties"]["abData"] = list(reference.getData())
    return request


def _read_activation(reference: bytes) -> Activation:
    blob = dcomrt.ACTIVATION_BLOB(dcomrt.OBJREF_CUSTOM(reference)["pObjectData"])
    first, second = (size["Data"] for size in blob["CustomHeader"]["pSizes"])
    outputs, reply = dcomrt.PropsOutInfo(), dcomrt.ScmReplyInfoData()
    for structure, part in (
        (outputs, blob["Property"][:first]),
        (reply, blob["Property"][first : first + second]),
    ):
        structure.fromStringReferents(part[structure.fromString(part) :])
    remote = reply["remoteReply"]
    standard = dcomrt.OBJREF_STANDARD(b"".join(outputs["ppIntfData"][0]["abData"]))
    return Activation(
        remote["ipidRemUnknown"], standard["std"]["ipid"], _bindings(remote["pdsaOxidBindings"])
    )


def _bindings(array: Any) -> tuple[str, ...]:
    """The string bindings, read by hand: impacket's reader of them goes by guessed lengths."""
    units = array["aStringArray"][: array["wSecurityOffset"]]
    text = struct.pack(f"<{len(units)}H", *units).decode("utf-16-le")
    return tuple(part[1:] for part in text.split("\0") if part)
