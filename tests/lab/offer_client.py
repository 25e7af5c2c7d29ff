"""A caller written on impacket for tests of the simulated computers alone."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impacket.dcerpc.v5 import dcomrt, transport

from lab import world
from lab.windows import activation_properties as activation
from lab.windows import orpc, rasrv
from lab.windows.ndr import NdrReader, deserialize_type, serialize_type
from lab.windows.safearray import read_array_pointer

PRIVACY = 6
NEGOTIATE = 9
ORPCTHIS = bytes.fromhex("0500070001000000 00000000") + uuid.uuid4().bytes + bytes(4)
FIFTY_NULLS = (
    bytes.fromhex("5573657201000000")
    + struct.pack("<IHHIIIII", 1, 1, 0x180, 4, 8 << 16, 8, 50, 0x20000)
    + struct.pack("<IiI", 50, 0, 50)
    + bytes(4 * 50)
)
COUNT = struct.pack("<I", 50)
EMPTY_TEXT = bytes.fromhex("00000200 01000000 00000000 01000000 00000000")


@dataclass
class Activated:
    """What an activation gave: an HRESULT, and where the object is."""

    result: int
    port: int = 0
    ipid: bytes = b""
    rem_unknown: bytes = b""
    bindings: list[str] = field(default_factory=list)


class OfferClient:
    """Calls the lab's computers as one of its people, by Kerberos.

    Args:
        lab: The lab's state directory.
        folder: For the credential cache.
        person: An account of the world; the portal's account uses its keytab.
    """

    def __init__(self, lab: Path, folder: Path, person: str = world.PORTAL_ACCOUNT) -> None:
        self._person = person
        self._cache = str(folder / f"cc-{person}")
        self._environment = os.environ | {"KRB5_CONFIG": str(lab / "krb5.conf")}
        if person == world.PORTAL_ACCOUNT:
            keytab = str(lab / "keytabs" / f"{person}.keytab")
            self._run(["kinit", "-k", "-t", keytab, "-c", self._cache, person])
        else:
            self._run(["kinit", "-c", self._cache, person], world.PERSON_PASSWORD + "\n")

    def _run(self, command: list[str], text: str = "") -> None:
        subprocess.run(
            command,
            input=text,
            text=True,
            env=self._environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def connect(
        self, computer: world.Computer, port: int, interface: bytes, level: int = PRIVACY
    ) -> Any:
        """A bound connection of impacket's."""
        self._run(["kvno", "-q", "-c", self._cache, f"host/{computer.dns_name}"])
        os.environ["KRB5CCNAME"] = self._cache
        channel = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{computer.address}[{port}]")
        channel.setRemoteName(computer.dns_name)
        channel.setRemoteHost(computer.address)
        channel.set_connect_timeout(5)
        channel.set_credentials(self._person, "", world.REALM)
        channel.set_kerberos(True, world.CONTROLLER_ADDRESS)
        connection = channel.get_dce_rpc()
        connection.set_auth_type(NEGOTIATE)
        connection.set_auth_level(level)
        connection.connect()
        connection.bind(interface)
        return connection

    def activate(
        self,
        computer: world.Computer,
        session: int | None = None,
        *,
        level: int = PRIVACY,
        class_id: uuid.UUID = rasrv.CLSID_RASRV,
        fragment: int = 0,
    ) -> Activated:
        """RemoteCreateInstance of IRASrv; raises what impacket raises for a fault."""
        connection = self.connect(computer, 135, dcomrt.IID_IRemoteSCMActivator, level)
        if fragment:
            connection.set_max_fragment_size(fragment)
        objref = _activation_objref(class_id, session)
        body = struct.pack("<II", 0, 0x20000) + struct.pack("<II", len(objref), len(objref))
        connection.call(4, ORPCTHIS + body + objref)
        answer = connection.recv()
        connection.disconnect()
        return _read_activation(answer)

    def call(
        self, computer: world.Computer, made: Activated, opnum: int, stub: bytes, level: int = 6
    ) -> bytes:
        """A call of IRASrv on the object."""
        interface = rasrv.IID_IRASRV.bytes_le + bytes(4)
        connection = self.connect(computer, made.port, interface, level)
        connection.call(opnum, ORPCTHIS + stub, made.ipid)
        answer = bytes(connection.recv())
        connection.disconnect()
        return answer


def _activation_objref(class_id: uuid.UUID, session: int | None) -> bytes:
    instantiation = class_id.bytes_le + struct.pack(
        "<IIIIIIIHHI", 0, 0, 0, 1, 0, 0x20000, 88, 5, 7, 1
    )
    number, is_named = (0xFFFFFFFF, 0) if session is None else (session, 1)
    special = struct.pack("<IiiiI16sIIIIQ5I", number, is_named, 0, 0, 0, bytes(16), *([0] * 10))
    blob = activation.pack_blob(
        [
            (
                activation.CLSID_INSTANTIATION,
                serialize_type(instantiation + rasrv.IID_IRASRV.bytes_le),
            ),
            (activation.CLSID_SPECIAL, serialize_type(special)),
        ]
    )
    return orpc.pack_custom_objref(
        activation.IID_PROPERTIES_IN, activation.CLSID_PROPERTIES_IN, blob
    )


def _read_activation(answer: bytes) -> Activated:
    (result,) = struct.unpack("<I", answer[-4:])
    if result:
        return Activated(result)
    reader = NdrReader(answer[8:])
    reader.u32()
    _, blob = orpc.parse_custom_objref(orpc.read_interface_pointer(reader))
    properties = activation.split_blob(blob)
    reply = deserialize_type(properties[activation.CLSID_SCM_REPLY])
    reply.take(16 + 4)
    rem_unknown = reply.guid().bytes_le
    reply.take(8)
    words = reply.u32()
    reply.take(4)
    bindings = [
        part.lstrip("\7").rstrip("\0")
        for part in reply.take(2 * words).decode("utf-16-le").split("\0\0")[0].split("\0")
    ]
    outputs = properties[activation.CLSID_PROPERTIES_OUT]
    ipid = outputs[outputs.index(b"MEOW") + 48 :][:16]
    port = int(bindings[0].split("[")[1].rstrip("]"))
    return Activated(0, port, ipid, rem_unknown, bindings)


def read_names(answer: bytes) -> list[str]:
    """The names in an answer of GetSessionInfo."""
    array = read_array_pointer(NdrReader(answer[8:]), two_referents=True)
    return [] if array is None else [cell for cell in array.cells if cell is not None]


def journal(lab: Path) -> list[dict[str, Any]]:
    """Everything the computers have heard, oldest first."""
    return [json.loads(line) for line in (lab / "calls.jsonl").read_text().splitlines()]
