"""The acceptor's side of NTLM on an RPC connection: NTLMv2, signed and sealed ([MS-NLMP]).

Windows gives its challenge, which tells name and time, to anybody who asks. What comes back is
checked with the hash in the domain controller's database, as a domain controller would check it.
"""

from __future__ import annotations

import hmac
import secrets
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import Any

from Cryptodome.Cipher import ARC4

from lab.windows.caller import Caller
from lab.windows.security import AuthenticationFailed

SIGNATURE = b"NTLMSSP\0"
NEGOTIATE, CHALLENGE, AUTHENTICATE = 1, 2, 3
# Unicode, request target, sign, seal, NTLM, always sign, domain, extended session security, target
# information, version, 128 bits, key exchange, 56 bits ([MS-NLMP] 2.2.2.5).
FLAGS = 0xE2898235
REQUIRED = 0x60080030  # of the caller: key exchange, 128 bits, extended security, seal, sign
VERSION = bytes.fromhex("0a0065580000000f")  # Windows 10.0.22629, NTLMSSP revision 15
EPOCH_SECONDS = 11_644_473_600  # from 1601 to 1970
NETBIOS_COMPUTER, NETBIOS_DOMAIN, DNS_COMPUTER, DNS_DOMAIN = 1, 2, 3, 4
FLAGS_PAIR, TIMESTAMP, TARGET_NAME = 6, 7, 9
HAS_INTEGRITY_CODE = 0x2
MIC_AT, MIC_SIZE = 72, 16
PROOF_SIZE = 16
PAIRS_AT = 28  # in the NTLMv2_CLIENT_CHALLENGE (2.2.2.7)
MAC_SIZE = 16
CLIENT_TO_SERVER, SERVER_TO_CLIENT = b"client-to-server", b"server-to-client"


@dataclass(frozen=True)
class NtlmAccount:
    """An account of the domain: its NT hash, its SID and those of its groups."""

    nt_hash: bytes
    sid: str
    group_sids: frozenset[str]


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "md5").digest()


def response_key(nt_hash: bytes, user: str, domain: str) -> bytes:
    """NTOWFv2 ([MS-NLMP] 3.3.2)."""
    return _hmac(nt_hash, (user.upper() + domain).encode("utf-16-le"))


def proof(key: bytes, challenge: bytes, blob: bytes) -> bytes:
    """NTProofStr."""
    return _hmac(key, challenge + blob)


def direction_keys(session_key: bytes, direction: bytes) -> tuple[bytes, bytes]:
    """SIGNKEY and SEALKEY of a direction, of 128 bits ([MS-NLMP] 3.4.5.2, 3.4.5.3)."""

    def derived(purpose: bytes) -> bytes:
        text = b"session key to " + direction + b" " + purpose + b" key magic constant\0"
        return md5(session_key + text, usedforsecurity=False).digest()

    return derived(b"signing"), derived(b"sealing")


class Direction:
    """What is sealed one way on a connection, in order."""

    def __init__(self, session_key: bytes, direction: bytes) -> None:
        self._sign, seal = direction_keys(session_key, direction)
        self._cipher: Any = ARC4.new(seal)
        self._sequence = 0

    def crypt(self, data: bytes) -> bytes:
        """RC4 goes both ways."""
        return bytes(self._cipher.encrypt(data))

    def code(self, message: bytes) -> bytes:
        """NTLMSSP_MESSAGE_SIGNATURE of the plain message; to be made after ``crypt``."""
        number = struct.pack("<I", self._sequence)
        self._sequence += 1
        return struct.pack("<I", 1) + self.crypt(_hmac(self._sign, number + message)[:8]) + number


def _pairs(data: bytes) -> dict[int, bytes]:
    """AV_PAIRs ([MS-NLMP] 2.2.2.1) up to their end."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        if not kind:
            break
        found[kind] = data[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def _field(token: bytes, at: int) -> bytes:
    size, _, offset = struct.unpack_from("<HHI", token, at)
    if offset + size > len(token):
        raise AuthenticationFailed("an NTLM message that ends too early")
    return token[offset : offset + size]


class NtlmContext:
    """One exchange, and what is sealed after it.

    Args:
        dns_name: The computer's.
        netbios_domain: Its domain's short name.
        clock_ahead: How many seconds its clock is ahead of this machine's, asked each time.
        accounts: The domain's accounts by name in lower case.
    """

    covers_headers = True  # NTLM signs the whole packet, whatever was agreed

    def __init__(
        self,
        dns_name: str,
        netbios_domain: str,
        clock_ahead: Callable[[], float],
        accounts: Mapping[str, NtlmAccount],
    ) -> None:
        self._dns_name = dns_name
        self._netbios_domain = netbios_domain
        self._clock_ahead = clock_ahead
        self._accounts = accounts
        self._challenge = secrets.token_bytes(8)
        self._negotiate = self._challenge_message = b""
        self._caller: Caller | None = None
        self.target_name = ""  # what the caller says it calls, and whether it protects the exchange
        self.has_integrity_code = False
        self._incoming: Direction | None = None
        self._outgoing: Direction | None = None

    @property
    def caller(self) -> Caller | None:
        return self._caller

    def step(self, token: bytes) -> bytes:
        if token[:8] != SIGNATURE or len(token) < 12:
            raise AuthenticationFailed("no NTLM message")
        (kind,) = struct.unpack_from("<I", token, 8)
        if kind == NEGOTIATE and not self._negotiate:
            self._negotiate = token
            self._challenge_message = self._pack_challenge()
            return self._challenge_message
        if kind == AUTHENTICATE and self._negotiate and self._caller is None:
            self._take(token)
            return b""
        raise AuthenticationFailed(f"NTLM message {kind} out of order")

    def _pack_challenge(self) -> bytes:
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
        target = self._netbios_domain.encode("utf-16-le")
        information = b"".join(
            struct.pack("<HH", kind, len(value)) + value for kind, value in pairs
        )
        head = 56
        return (
            SIGNATURE
            + struct.pack("<I", CHALLENGE)
            + struct.pack("<HHI", len(target), len(target), head)
            + struct.pack("<I", FLAGS)
            + self._challenge
            + bytes(8)
            + struct.pack("<HHI", len(information), len(information), head + len(target))
            + VERSION
            + target
            + information
        )

    def _take(self, token: bytes) -> None:
        """AUTHENTICATE_MESSAGE: an NTLMv2 response, or nothing.

        As Windows does, the integrity code is asked for where the response says that there is one.
        """
        if len(token) < MIC_AT + MIC_SIZE:
            raise AuthenticationFailed("no place for a message integrity code")
        (flags,) = struct.unpack_from("<I", token, 60)
        if flags & REQUIRED != REQUIRED:
            raise AuthenticationFailed(f"NTLM flags {flags:#x} are too weak")
        response, user = _field(token, 20), _field(token, 36).decode("utf-16-le", "replace")
        if len(response) <= PROOF_SIZE + PAIRS_AT:
            raise AuthenticationFailed("no NTLMv2 response")
        account = self._accounts.get(user.lower())
        if account is None:
            raise AuthenticationFailed(f"no account {user}")
        domain = _field(token, 28).decode("utf-16-le", "replace")
        key = response_key(account.nt_hash, user, domain)
        given, blob = response[:PROOF_SIZE], response[PROOF_SIZE:]
        if not hmac.compare_digest(proof(key, self._challenge, blob), given):
            raise AuthenticationFailed("wrong NTLM response")
        session_key = bytes(ARC4.new(_hmac(key, given)).decrypt(_field(token, 52)))
        pairs = _pairs(blob[PAIRS_AT:])
        self.target_name = pairs.get(TARGET_NAME, b"").decode("utf-16-le", "replace")
        said = int.from_bytes(pairs.get(FLAGS_PAIR, b""), "little")
        self.has_integrity_code = bool(said & HAS_INTEGRITY_CODE)
        if self.has_integrity_code:
            unsigned = token[:MIC_AT] + bytes(MIC_SIZE) + token[MIC_AT + MIC_SIZE :]
            code = _hmac(session_key, self._negotiate + self._challenge_message + unsigned)
            if not hmac.compare_digest(code, token[MIC_AT : MIC_AT + MIC_SIZE]):
                raise AuthenticationFailed("the NTLM exchange was changed on its way")
        self._incoming = Direction(session_key, CLIENT_TO_SERVER)
        self._outgoing = Direction(session_key, SERVER_TO_CLIENT)
        self._caller = Caller(
            rf"{self._netbios_domain}\{user}", account.sid, account.group_sids, "NTLM"
        )

    def verifier_size(self, before: bytes, stub: bytes, after: bytes) -> int:
        return MAC_SIZE

    def seal(self, before: bytes, stub: bytes, after: bytes) -> tuple[bytes, bytes]:
        if self._outgoing is None:
            raise AuthenticationFailed("nothing is sealed yet")
        sealed = self._outgoing.crypt(stub)
        return sealed, self._outgoing.code(before + stub + after)

    def unseal(self, before: bytes, stub: bytes, after: bytes, credentials: bytes) -> bytes:
        if self._incoming is None:
            raise AuthenticationFailed("nothing is sealed yet")
        plain = self._incoming.crypt(stub)
        if not hmac.compare_digest(self._incoming.code(before + plain + after), credentials):
            raise AuthenticationFailed("wrong NTLM signature")
        return plain
