"""One offer by NTLM at a computer that says one thing wrong, by a seed: a part of the novices of
:mod:`fuzzed_novices`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

from lab.windows.ntlm import NtlmContext
from lab.windows.rpc_server import Service
from tests.assist.remote_assistance.ntlm_computer import NtlmComputer

# Listing and starting have three connections each, the releases' among them; on each the computer
# sends a challenge and one sealed answer. A mutated release does not show in an offer's end.
STEPS = {"NTLM challenge": 6, "NTLM packet": 12, "NTLM seal": 6, "NTLM sealed content": 6}

Mutate = Callable[[random.Random, bytes], bytes]


class FuzzedNtlmComputer(NtlmComputer):
    """A computer of the lab that mutates one challenge, packet, seal or what is sealed.

    Args:
        folder: For its files.
        seed: Decides what is mutated, when and how.
        mutate: Puts something wrong into bytes.
    """

    def __init__(self, folder: Path, seed: int, mutate: Mutate) -> None:
        chance = random.Random(f"ntlm {seed}")
        self.step = chance.choice(tuple(STEPS))
        self._chance, self._mutate = chance, mutate
        self._countdown = chance.randrange(STEPS[self.step])
        computer = self

        class Mutating(NtlmContext):
            def step(self, token: bytes) -> bytes:
                return computer.said("NTLM challenge", super().step(token))

            def seal(self, before: bytes, stub: bytes, after: bytes) -> tuple[bytes, bytes]:
                # The header around it, sealed as well, has the length already.
                changed = computer.said("NTLM sealed content", stub)
                changed = (changed + stub[len(changed) :])[: len(stub)]
                sealed, signature = super().seal(before, changed, after)
                return sealed, computer.said("NTLM seal", signature)

        super().__init__(folder, Mutating)

    def said(self, step: str, honest: bytes) -> bytes:
        """What the computer says at that step instead."""
        if step != self.step or not honest:
            return honest
        self._countdown -= 1
        return self._mutate(self._chance, honest) if self._countdown == -1 else honest

    async def _serve(
        self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        write = writer.write
        writer.write = lambda data: write(  # type: ignore[method-assign]
            self.said("NTLM packet", bytes(data))
        )
        await super()._serve(service, reader, writer)
