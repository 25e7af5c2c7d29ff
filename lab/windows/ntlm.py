"""The first answer of an NTLM exchange, which tells name and time; the exchange is then refused.

[MS-NLMP] 2.2.1.2 (CHALLENGE_MESSAGE), 2.2.2.1 (AV_PAIR). Windows gives it to anybody who asks.
"""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Callable

from lab.windows.caller import Caller
from lab.windows.security import AuthenticationFailed

SIGNATURE = b"NTLMSSP\0"
FLAGS = 0x00828205  # Unicode, target, NTLM, always sign, target information, version not sent
EPOCH_SECONDS = 11_644_473_600  # from 1601 to 1970
NETBIOS_COMPUTER, NETBIOS_DOMAIN, DNS_COMPUTER, DNS_DOMAIN, TIMESTAMP = 1, 2, 3, 4, 7


class NtlmContext:
    """A security context that never comes about.

    Args:
        dns_name: The computer's.
        netbios_domain: Its domain's short name.
        clock_ahead: How many seconds its clock is ahead of this machine's, asked each time.
    """

    def __init__(
        self, dns_name: str, netbios_domain: str, clock_ahead: Callable[[], float]
    ) -> None:
        self._dns_name = dns_name
        self._netbios_domain = netbios_domain
        self._clock_ahead = clock_ahead

    @property
    def caller(self) -> Caller | None:
        return None

    def step(self, token: bytes) -> bytes:
        if token[:12] != SIGNATURE + b"\x01\0\0\0":
            raise AuthenticationFailed("NTLM is not taken")
        name, _, domain = self._dns_name.partition(".")
        ticks = int((time.time() + self._clock_ahead() + EPOCH_SECONDS) * 10_000_000)
        pairs = (
            (NETBIOS_DOMAIN, self._netbios_domain.encode("utf-16-le")),
            (NETBIOS_COMPUTER, name.upper().encode("utf-16-le")),
            (DNS_DOMAIN, domain.encode("utf-16-le")),
            (DNS_COMPUTER, self._dns_name.encode("utf-16-le")),
            (TIMESTAMP, struct.pack("<Q", ticks)),
            (0, b""),
        )
        target = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs)
        head = 48
        fields = struct.pack("<HHI", 0, 0, head)
        information = struct.pack("<HHI", len(target), len(target), head)
        return (
            SIGNATURE
            + struct.pack("<I", 2)
            + fields
            + struct.pack("<I", FLAGS)
            + secrets.token_bytes(8)
            + bytes(8)
            + information
            + target
        )

    def verifier_size(self, before: bytes, stub: bytes, after: bytes) -> int:
        raise AuthenticationFailed("nothing is sealed by NTLM")

    def seal(self, before: bytes, stub: bytes, after: bytes) -> tuple[bytes, bytes]:
        raise AuthenticationFailed("nothing is sealed by NTLM")

    def unseal(self, before: bytes, stub: bytes, after: bytes, credentials: bytes) -> bytes:
        raise AuthenticationFailed("nothing is sealed by NTLM")
