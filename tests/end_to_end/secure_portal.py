"""A portal of its own over TLS, for browsers with tickets, and its workers.

The web process and the workers are given what production gives each: the web account's keytab to
the one, nothing of it but the key of handed tickets to the others.
"""

from __future__ import annotations

import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab import world
from lab.demo.product import CHECKOUT, Product, free_port, wait_until

HANDED_TICKET_KEY = "a2V5LW9mLXRoZS10ZXN0cy10aGF0LWlzLTMyLWJ5dGU="
# What the lab's settings have for the authority *service*, and a worker of *delegated* needs not.
WITHOUT_SERVICE = {"SERVICE_PRINCIPAL": "", "SERVICE_KEYTAB_FILE": ""}


@dataclass(frozen=True)
class SecurePortal:
    """The running processes.

    Attributes:
        product: The installation.
        port: Of the portal at 127.0.0.1, over TLS.
    """

    product: Product
    port: int

    @property
    def url(self) -> str:
        return f"https://{world.PORTAL_HOST}:{self.port}"

    def worker_processes(self) -> list[int]:
        """The worker and its children."""
        first = self.product.processes["worker"].pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, children)]


def one_worker(product: Product) -> None:
    """A worker that holds no key and reads no event log."""
    product.start_process(
        "worker",
        *[sys.executable, "-m", "celery", "-A", "portal", "worker"],
        *["--queues", "offers,background,timers", "--concurrency", "1", "--loglevel", "INFO"],
        *["--max-tasks-per-child", "1"],  # what was in memory goes with the process
    )


@contextmanager
def secure_portal(
    directory: Path,
    lab_directory: Path,
    *,
    settings: Mapping[str, str] = WITHOUT_SERVICE,
    start_workers: Callable[[Product], None] = one_worker,
) -> Iterator[SecurePortal]:
    """Brings it up beside the lab, with the directory read.

    Args:
        directory: For its files.
        lab_directory: The running lab's.
        settings: Over the lab's and those of *delegated*.
        start_workers: Starts everything but the web process and Redis.
    """
    port = free_port()
    url = f"https://{world.PORTAL_HOST}:{port}"
    product = Product(
        directory,
        lab_directory,
        settings={
            "PORTAL_URL": url,
            "ALLOWED_HOSTS": f"{world.PORTAL_HOST},127.0.0.1",
            "OFFER_AUTHORITIES": "delegated",
            "HANDED_TICKET_KEYS": HANDED_TICKET_KEY,
            "CONTACT_CALL_TIMEOUT_SECONDS": "10",
        }
        | dict(settings),
    )
    product.start_redis()
    try:
        product.prepare(lambda what: None, collects=False)
        _start_web(product, port)
        start_workers(product)
        wait_until(lambda: _answers(port), f"portal (see {product.directory}/log)", 60)
        yield SecurePortal(product, port)
    finally:
        product.stop()


def _start_web(product: Product, port: int) -> None:
    certificate = _certificate(product.directory)
    web = {
        "SINGLE_SIGN_ON_PRINCIPAL": f"{world.WEB_ACCOUNT}@{world.REALM}",
        "SINGLE_SIGN_ON_KEYTAB_FILE": str(
            product.lab_directory / "keytabs" / f"{world.WEB_ACCOUNT}.keytab"
        ),
    }
    with (product.directory / "log" / "portal.log").open("ab") as log:
        product.processes["portal"] = subprocess.Popen(
            [
                *[sys.executable, "-m", "uvicorn", "portal.asgi:application"],
                *["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"],
                *["--ssl-certfile", str(certificate), "--ssl-keyfile", str(certificate)],
            ],
            cwd=CHECKOUT,
            env=product.environment | web,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _certificate(directory: Path) -> Path:
    """A key and its own certificate in one file; browsers of the tests take any."""
    file = directory / "portal.pem"
    subprocess.run(
        [
            *["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
            *["-subj", f"/CN={world.PORTAL_HOST}", "-keyout", str(file), "-out", f"{file}.crt"],
        ],
        check=True,
        capture_output=True,
    )
    with file.open("a") as both:
        both.write(Path(f"{file}.crt").read_text())
    return file


def _answers(port: int) -> bool:
    asked = ["curl", "-ks", "-o", "/dev/null", f"https://127.0.0.1:{port}/health"]
    return subprocess.run(asked, check=False).returncode == 0


def tickets_of(name: str, cache: Path) -> dict[str, str]:
    """Signs somebody of the lab in to Windows, as it were; the environment of her programs."""
    environment = os.environ | {"KRB5CCNAME": f"FILE:{cache}"}
    subprocess.run(
        ["kinit", "-f", f"{name}@{world.REALM}"],
        input=world.PERSON_PASSWORD,
        text=True,
        env=environment,
        check=True,
        capture_output=True,
    )
    return environment


def memory_of(process: int, wanted: Callable[[bytes], object]) -> None:
    """Shows each writable region of a process's memory to ``wanted``."""
    with Path(f"/proc/{process}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            place, permissions, *_ = line.split()
            if not permissions.startswith("rw"):
                continue
            begin, end = (int(text, 16) for text in place.split("-"))
            try:
                memory.seek(begin)
                wanted(memory.read(end - begin))
            except (OSError, ValueError):
                continue  # as [vvar], or gone since


class _Tunnel(socketserver.StreamRequestHandler):
    """CONNECT, whatever the name, to this machine (RFC 9110 9.3.6)."""

    def handle(self) -> None:
        place = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        port = int(place.rpartition(":")[2])
        # Of what browsers look for besides, nothing is there.
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as portal:
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_pump, args=(portal, self.connection), daemon=True)
            back.start()
            _pump(self.connection, portal)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def tunnel() -> Iterator[str]:
    """A proxy through which every name is this machine; its address.

    A browser that finds a name by any means of its own asks for tickets for what it found.
    """
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Tunnel) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
