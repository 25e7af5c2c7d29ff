"""An LDAP server over TLS that answers as a test says: rightly, wrongly, in part or not at all.

For what the lab's controller never does: cutting attributes into ranges, refusing, breaking off,
sending nonsense. Real sockets and real TLS; only the answers are made up.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from directory.configuration import connection_settings
from directory.ldap.connection import LdapConnection, ServerAddress, open_connection

SERVER_NAME = "scripted.r2.local"
ADDRESS = ServerAddress(SERVER_NAME, "127.0.0.1")
PAGING = "1.2.840.113556.1.4.319"
DIRSYNC = "1.2.840.113556.1.4.841"
BIND, SEARCH = 0x60, 0x63
WAIT_SECONDS = 20  # for a test that has gone wrong; none waits so long


def element(tag: int, content: bytes, *, long: bool = False) -> bytes:
    """One element of BER; ``long``: with the four-byte lengths that Windows writes."""
    size = len(content)
    if long:
        return bytes([tag, 0x84]) + size.to_bytes(4, "big") + content
    if size < 0x80:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content


def number(value: int) -> bytes:
    """An INTEGER."""
    return element(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def text(value: str | bytes) -> bytes:
    """An OCTET STRING."""
    return element(0x04, value.encode() if isinstance(value, str) else value)


def search_entry(
    message_id: int,
    name: str | bytes,
    attributes: Mapping[str, Sequence[bytes]],
    *,
    long: bool = False,
) -> bytes:
    """A SearchResultEntry in its message (RFC 4511 4.5.2)."""
    listed = b"".join(
        element(
            0x30,
            element(0x04, attribute.encode(), long=False)
            + element(0x31, b"".join(text(value) for value in values), long=long),
            long=long,
        )
        for attribute, values in attributes.items()
    )
    entry = element(0x64, text(name) + element(0x30, listed, long=long), long=long)
    return element(0x30, number(message_id) + entry, long=long)


def paging(cookie: bytes) -> bytes:
    """The control that says how to go on (RFC 2696); an empty cookie ends it."""
    return control(PAGING, element(0x30, number(0) + text(cookie)))


def dirsync(cookie: bytes, *, is_last: bool = True) -> bytes:
    """The control of a DirSync answer ([MS-ADTS] 3.1.1.3.4.1.3)."""
    return control(DIRSYNC, element(0x30, number(0 if is_last else 1) + number(0) + text(cookie)))


def control(oid: str, value: bytes) -> bytes:
    return element(0x30, text(oid) + text(value))


@dataclass(frozen=True)
class Request:
    """A search that came, and the answers to it.

    Attributes:
        message_id: Of the request.
        base: Where it starts.
        attributes: What it asks for.
        controls: Values by object identifier.
    """

    message_id: int
    base: str
    attributes: tuple[str, ...]
    controls: Mapping[str, bytes]

    @property
    def cookie(self) -> bytes:
        """Of the paging control; empty for the first page."""
        ((_, content),) = parts(self.controls[PAGING])
        return parts(content)[1][1]

    def entry(
        self, name: str | bytes, attributes: Mapping[str, Sequence[bytes]], *, long: bool = False
    ) -> bytes:
        return search_entry(self.message_id, name, attributes, long=long)

    def reference(self, uri: str) -> bytes:
        return element(0x30, number(self.message_id) + element(0x73, text(uri)))

    def done(self, code: int = 0, *controls: bytes, message: str = "") -> bytes:
        result = element(0x65, element(0x0A, bytes([code])) + text("") + text(message))
        wrapped = element(0xA0, b"".join(controls)) if controls else b""
        return element(0x30, number(self.message_id) + result + wrapped)


class Close:
    """A step of an answer: end the connection without a word."""


class Silence:
    """A step of an answer: say nothing more until the test is over."""


Step = bytes | Close | Silence
Answer = Callable[[Request], Sequence[Step]]


@dataclass
class ScriptedLdap:
    """The server, while the test runs.

    Attributes:
        port: Where it listens, at 127.0.0.1.
        ca_file: The authority of its certificate, in PEM.
        answer: How it answers searches; to be set by the test.
        requests: The searches that came.
        binds: The bind requests that came, undecoded.
        before_tls: What it sends right after agreeing to StartTLS, before TLS.
    """

    port: int
    ca_file: str
    answer: Answer = lambda request: [request.done()]
    requests: list[Request] = field(default_factory=list)
    binds: list[bytes] = field(default_factory=list)
    before_tls: bytes = b""
    over: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket, context: ssl.SSLContext, *, starttls: bool) -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:  # closed: the test is over
                return
            worker = threading.Thread(
                target=self._serve_one, args=(raw, context, starttls), daemon=True
            )
            worker.start()

    def _serve_one(self, raw: socket.socket, context: ssl.SSLContext, starttls: bool) -> None:
        raw.settimeout(WAIT_SECONDS)
        with contextlib.suppress(OSError, EOFError), raw:
            if starttls:
                message_id, _, _, _ = _parse(_read_message(raw))
                agreed = number(message_id) + element(0x78, _success())
                raw.sendall(element(0x30, agreed) + self.before_tls)
            with context.wrap_socket(raw, server_side=True) as secured:
                while self._answer_one(secured):
                    pass

    def _answer_one(self, connection: ssl.SSLSocket) -> bool:
        raw = _read_message(connection)
        message_id, kind, content, controls = _parse(raw)
        if kind == BIND:
            self.binds.append(raw)
            connection.sendall(element(0x30, number(message_id) + element(0x61, _success())))
            return True
        if kind != SEARCH:
            return False
        request = _request(message_id, content, controls)
        self.requests.append(request)
        for step in self.answer(request):
            if isinstance(step, bytes):
                connection.sendall(step)
            elif isinstance(step, Close):
                return False
            else:
                self.over.wait(WAIT_SECONDS)
                return False
        return True


def _success() -> bytes:
    return element(0x0A, b"\x00") + text("") + text("")


def parts(content: bytes) -> list[tuple[int, bytes]]:
    """The elements that something consists of: tags and contents."""
    found, position = [], 0
    while position < len(content):
        tag, size = content[position], content[position + 1]
        position += 2
        if size >= 0x80:
            count = size & 0x7F
            size = int.from_bytes(content[position : position + count], "big")
            position += count
        found.append((tag, content[position : position + size]))
        position += size
    return found


def _parse(raw: bytes) -> tuple[int, int, bytes, bytes]:
    """Number, kind and content of a message, and its controls."""
    ((_, message),) = parts(raw)
    (_, message_id), (kind, content), *rest = parts(message)
    return int.from_bytes(message_id, "big"), kind, content, rest[0][1] if rest else b""


def _request(message_id: int, content: bytes, controls: bytes) -> Request:
    (_, base), *_, (_, attributes) = parts(content)
    values = {}
    for _, each in parts(controls):
        (_, oid), *rest = parts(each)
        values[oid.decode()] = rest[-1][1] if rest and rest[-1][0] == 0x04 else b""
    return Request(
        message_id=message_id,
        base=base.decode(),
        attributes=tuple(name.decode() for _, name in parts(attributes)),
        controls=values,
    )


def _read_message(connection: socket.socket) -> bytes:
    head = _read(connection, 2)
    if head[1] < 0x80:
        return head + _read(connection, head[1])
    size = _read(connection, head[1] & 0x7F)
    return head + size + _read(connection, int.from_bytes(size, "big"))


def _read(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def connect(server: ScriptedLdap, *, patience: float = 10.0) -> LdapConnection:
    """A connection of the reading account, who waits so many seconds for an answer."""
    settings = replace(connection_settings(), ca_file=server.ca_file, read_timeout_seconds=patience)
    return open_connection(settings, [ADDRESS])


@contextlib.contextmanager
def scripted_ldap(
    folder: Path, *, starttls: bool = False, ends_at: datetime | None = None
) -> Iterator[ScriptedLdap]:
    """A server at 127.0.0.1 with a certificate of an authority of its own.

    Args:
        folder: Where the certificates are written to.
        starttls: Speak TLS only once asked to, as on port 389.
        ends_at: When the certificate expires; tomorrow when None.
    """
    ca_file, chain = _certificates(folder, ends_at)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ScriptedLdap(port=listener.getsockname()[1], ca_file=str(ca_file))
        thread = threading.Thread(
            target=server.serve,
            args=(listener, context),
            kwargs={"starttls": starttls},
            daemon=True,
        )
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _certificates(folder: Path, ends_at: datetime | None) -> tuple[Path, Path]:
    """The authority's certificate, and the server's with its key."""
    now = datetime.now(UTC)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Scripted authority")])

    def issue(
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        ends_at: datetime | None = None,
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(ends_at or now + timedelta(days=1))
            .add_extension(extension, critical=False)
            .sign(authority_key, hashes.SHA256())
        )

    root = issue(authority, authority_key, x509.BasicConstraints(ca=True, path_length=None))
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = issue(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SERVER_NAME)]),
        key,
        x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]),
        ends_at,
    )
    pem = serialization.Encoding.PEM
    ca_file, chain = folder / "scripted-ca.pem", folder / "scripted.pem"
    ca_file.write_bytes(root.public_bytes(pem))
    chain.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + leaf.public_bytes(pem)
    )
    return ca_file, chain
