"""TCP listeners in Windows' dynamic port range."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from itertools import count

FIRST_DYNAMIC_PORT, LAST_DYNAMIC_PORT = 49664, 65535
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_next_port = count(FIRST_DYNAMIC_PORT)


def next_dynamic_port() -> int:
    """A port that none was given before, until the range is through and begins anew."""
    size = LAST_DYNAMIC_PORT - FIRST_DYNAMIC_PORT + 1
    return FIRST_DYNAMIC_PORT + (next(_next_port) - FIRST_DYNAMIC_PORT) % size


async def listen_dynamically(handler: Handler, address: str) -> tuple[asyncio.Server, int]:
    """Listens at a free dynamic port; returns the server and the port."""
    while True:
        port = next_dynamic_port()
        try:
            return await asyncio.start_server(handler, address, port), port
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
