"""A name server that sends each question to the controller of its domain, and knows nothing else.

``python -m lab.nameserver``. Only the domain controllers ask it: each needs to find the other
forest's, and no question may leave the machine.
"""

from __future__ import annotations

import asyncio
from typing import cast

from lab import world

PORT = 53
TIMEOUT_SECONDS = 3.0
HEADER = 12  # octets before the question ([RFC 1035] 4.1.1)
IS_RESPONSE, NO_SUCH_NAME = 0x8000, 3


def question_name(message: bytes) -> str:
    """The name that a message asks for, in lower case; raises ValueError when it has none."""
    labels, at = [], HEADER
    while at < len(message) and message[at]:
        length = message[at]
        label = message[at + 1 : at + 1 + length]
        if length > 63 or len(label) < length:
            break  # a pointer (4.1.4), or cut off
        labels.append(label.decode("ascii", "replace").lower())
        at += 1 + length
    else:
        if at < len(message):
            return ".".join(labels)
    raise ValueError("no question")


def controller_for(name: str) -> str | None:
    """The address of the controller that knows the name: its domain's or its network's."""
    for domain in world.DOMAINS:
        reverse = [f"{'.'.join(reversed(net.split('.')))}.in-addr.arpa" for net in domain.networks]
        if any(f".{name}".endswith(f".{zone}") for zone in (domain.dns_name, *reverse)):
            return domain.controller.address
    return None


def refusal(message: bytes) -> bytes:
    """The question itself as an answer: there is no such name."""
    flags = int.from_bytes(message[2:4]) | IS_RESPONSE | NO_SUCH_NAME
    return message[:2] + flags.to_bytes(2) + message[4:]


class _Asking(asyncio.DatagramProtocol):
    """One question on its way to a controller."""

    def __init__(self, answer: asyncio.Future[bytes]) -> None:
        self._answer = answer

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._answer.done():
            self._answer.set_result(data)


class NameServer(asyncio.DatagramProtocol):
    """Answers over UDP; a controller that does not answer leaves the question without one."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            controller = controller_for(question_name(data))
        except ValueError:
            return
        if controller is None:
            self._transport.sendto(refusal(data), addr)
            return
        task = asyncio.ensure_future(self._forward(data, controller, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, data: bytes, controller: str, addr: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        asking, _ = await loop.create_datagram_endpoint(
            lambda: _Asking(answer), remote_addr=(controller, PORT)
        )
        try:
            asking.sendto(data)
            self._transport.sendto(await asyncio.wait_for(answer, TIMEOUT_SECONDS), addr)
        except (TimeoutError, OSError):
            pass
        finally:
            asking.close()


async def serve() -> None:
    """Serves until the process ends."""
    await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=(world.NAME_SERVER_ADDRESS, PORT)
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
