"""Connection strings: what lets a viewer find a computer that shares its screen."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from assist.remote_assistance.errors import BadAnswer

LONGEST = 65_536
FIRST_VERSION = "65538,1,"  # ProtocolVersion and protocolType
_PARTS = 8
_ADDRESS = re.compile(r"\A[0-9.]+\Z")
_ID = re.compile(r"\A[A-Za-z0-9+/=_.:{}-]{1,512}\Z")


@dataclass(frozen=True)
class Listener:
    """Where the novice's computer waits for the viewer."""

    address: IPv4Address | IPv6Address
    port: int


@dataclass(frozen=True)
class ConnectionString:
    """A connection string ([MS-RAI] 2.2.1, 2.2.2), taken apart.

    Attributes:
        session_id: Of the transport; empty in connection string 1.
        raw: The text as it came; it goes into invitations unchanged.
        version: 1 as Windows XP and Server 2003 give it, 2 as later ones do.
    """

    authorization_id: str
    session_id: str
    key_hash: str
    key_hash_256: str
    listeners: tuple[Listener, ...]
    raw: str
    version: int = 2

    def to_version_1(self) -> str:
        """Connection string 1 ([MS-RAI] 2.2.1), which carries IPv4 addresses only.

        Raises:
            BadAnswer: The computer listens on no IPv4 address.
        """
        if self.version == 1:
            return self.raw
        places = [
            f"{listener.address}:{listener.port}"
            for listener in self.listeners
            if isinstance(listener.address, IPv4Address)
        ]
        if not places:
            raise BadAnswer(
                "The computer waits on no IPv4 address, and every form of invitation needs one.",
                remedy="Give the computer an IPv4 address on the network, then offer again.",
            )
        return f"65538,1,{';'.join(places)},*,{self.authorization_id},*,*,{self.key_hash}"


def parse_connection_string(text: str) -> ConnectionString:
    """Reads a connection string of either kind.

    Args:
        text: What GetNoviceUserInfo or RemoteConnectionParms returned.

    Raises:
        BadAnswer: The text is too long, of neither kind, or lacks what a viewer needs.
    """
    if len(text) > LONGEST:
        raise BadAnswer(f"The connection string has {len(text)} characters; {LONGEST} is the most.")
    if text.startswith(FIRST_VERSION):
        return _parse_version_1(text)
    if "<!" in text or "<?" in text:
        raise BadAnswer("The connection string has declarations, which none needs.")
    try:
        root = ET.fromstring(text)  # noqa: S314 - bounded, and without declarations no entities
    except ET.ParseError as error:
        raise BadAnswer("The connection string is not XML.") from error
    attributes = root.find("A")
    if root.tag != "E" or attributes is None:
        raise BadAnswer("The connection string has no authorization.")
    identifier = attributes.get("ID", "")
    if not _ID.match(identifier):
        raise BadAnswer("The connection string has no usable authorization string.")
    transports = root.findall("C/T")
    listeners = tuple(
        listener
        for transport in transports
        for element in transport.findall("L")
        if (listener := _listener(element))
    )
    if not listeners:
        raise BadAnswer("The connection string names no address to connect to.")
    return ConnectionString(
        authorization_id=identifier,
        session_id=transports[0].get("SID", ""),
        key_hash=attributes.get("KH", ""),
        key_hash_256=attributes.get("KH2", ""),
        listeners=listeners,
        raw=text,
    )


def _parse_version_1(text: str) -> ConnectionString:
    """``65538,1,places,*,id,*,*,hash``; a place is an IPv4 address or a name, and a port."""
    if not text.isprintable():
        raise BadAnswer("The connection string has characters that none has.")
    parts = text.split(",")
    if len(parts) != _PARTS or [parts[i] for i in (3, 5, 6)] != ["*"] * 3:
        raise BadAnswer("The connection string has another number of parts than the form has.")
    if not _ID.match(parts[4]):
        raise BadAnswer("The connection string has no usable authorization string.")
    places = [place.rpartition(":") for place in parts[2].split(";") if place]
    listeners = tuple(
        _checked(address, port) for address, _, port in places if _ADDRESS.match(address)
    )
    if not listeners:
        raise BadAnswer("The connection string names no address to connect to.")
    return ConnectionString(parts[4], "", parts[7], "", listeners, text, version=1)


def _listener(element: ET.Element) -> Listener | None:
    """A listener; one that is a web socket (``U`` instead of ``P``) is passed over."""
    if element.get("P") is None and element.get("U") is not None:
        return None
    return _checked(element.get("N", ""), element.get("P", ""))


def _checked(address_text: str, port_text: str) -> Listener:
    try:
        address = ip_address(address_text)
        port = int(port_text)
    except ValueError as error:
        raise BadAnswer("The connection string has an address that is none.") from error
    if not 0 < port < 65_536:
        raise BadAnswer(f"The connection string has a port {port}.")
    return Listener(address, port)
