"""TLS to a domain controller: chain and name verified during the handshake, or no connection."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from typing import Any

import ldap3

from directory.ldap.settings import DirectoryConnectionSettings

RECEIVE_BYTES = 262_144
MOST_RECORD_BYTES = 16_384  # RFC 8446 5.1: of plain text


class TlsSocket:
    """TLS over a socket, reading all that has come at once.

    Python's own SSLSocket asks the kernel twice for every TLS record, and Samba sends a record
    for every object found: most of the time of reading would go there. Has the methods of a
    socket that ldap3 uses.

    Args:
        raw: A connected socket. Its timeout is that of each wait here too.
        context: With the authorities that are trusted.
        server_name: What the certificate must be for.
        unread: What was received of the handshake already.
    """

    def __init__(self, raw: socket.socket, context: ssl.SSLContext, server_name: str) -> None:
        self._raw = raw
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._record = memoryview(bytearray(RECEIVE_BYTES))

    def handshake(self, seconds: float) -> None:
        """Shake hands.

        Raises:
            ssl.SSLCertVerificationError: The certificate is not one to trust.
            OSError: It did not come about.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                if time.monotonic() > deadline:
                    raise TimeoutError("the TLS handshake takes too long") from None
                self._receive()
            except ssl.SSLError:
                with suppress(OSError):
                    self._flush()  # the alert that tells the other side why
                raise
            else:
                self._flush()
                return

    def recv(self, size: int) -> bytes:
        """What has come, at least a byte, at most about ``size``; empty when the other side ended.

        Raises:
            OSError: Nothing came in time, or it is not what was sent.
        """
        view, have = self._record, 0
        most = min(size, RECEIVE_BYTES) - MOST_RECORD_BYTES
        while have <= max(0, most):
            try:
                read = self._tls.read(MOST_RECORD_BYTES, view[have:])
            except ssl.SSLWantReadError:
                if have:
                    break
                self._flush()
                self._receive()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                break  # LDAP's messages tell their length: none can be cut off unnoticed
            else:
                if not read:
                    break
                have += int(read)
        return bytes(view[:have])

    def sendall(self, data: bytes) -> None:
        sent = 0
        while sent < len(data):
            sent += self._tls.write(data[sent:])
        self._flush()

    def getpeercert(self, binary_form: bool = False) -> Any:
        return self._tls.getpeercert(binary_form)

    def settimeout(self, seconds: float | None) -> None:
        self._raw.settimeout(seconds)

    def shutdown(self, how: int) -> None:
        self._raw.shutdown(how)

    def close(self) -> None:
        self._raw.close()

    def _receive(self) -> None:
        part = self._raw.recv(RECEIVE_BYTES)
        if part:
            self._incoming.write(part)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._raw.sendall(self._outgoing.read())


class VerifiedTls(ldap3.Tls):
    """TLS that verifies chain and name during the handshake, as Python's ssl module does.

    ldap3's own check accepts a certificate for the address as well as for the name, and only
    looks after the handshake; here the name alone counts.

    Attributes:
        refusal: Why the certificate was refused, if it was.
        failure: Why else the handshake failed, if it did.
    """

    def __init__(self, server_name: str, settings: DirectoryConnectionSettings) -> None:
        self._server_name = server_name
        self._settings = settings
        self.refusal: ssl.SSLCertVerificationError | None = None
        self.failure: OSError | None = None
        context = ssl.create_default_context(cafile=settings.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context = context
        super().__init__(validate=ssl.CERT_REQUIRED, sni=server_name)

    def wrap_socket(self, connection: ldap3.Connection, do_handshake: bool = False) -> None:
        """Shake hands on the connection's open socket; ldap3 calls this before any bind."""
        raw = connection.socket
        seconds = self._settings.connect_timeout_seconds
        raw.settimeout(seconds)
        try:
            if connection.strategy.has_unread_bytes:
                # Bytes from before the handshake would be taken for what came inside of it.
                raise ssl.SSLError("the controller sent more than an answer before TLS began")
            wrapped = TlsSocket(raw, self._context, self._server_name)
            wrapped.handshake(seconds)
        except ssl.SSLCertVerificationError as error:
            self.refusal = error
            raise
        except OSError as error:
            self.failure = error
            raise
        wrapped.settimeout(self._settings.read_timeout_seconds)
        connection.socket = wrapped
