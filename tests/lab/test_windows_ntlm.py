"""The simulated computers' NTLM, by the example of [MS-NLMP] 4.2.4 (NTLMv2)."""

from __future__ import annotations

from Cryptodome.Cipher import ARC4

from lab.windows import ntlm

NT_HASH = bytes.fromhex("a4f49c406510bdcab6824ee7c30fd852")  # of "Password", 4.2.2.1.2
CHALLENGE = bytes.fromhex("0123456789abcdef")
TARGET = bytes.fromhex("02000c0044006f006d00610069006e0001000c0053006500720076006500720000000000")
BLOB = (
    bytes.fromhex("0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000") + TARGET + bytes(4)
)
SESSION_KEY = b"\x55" * 16


def test_the_response_key_is_that_of_the_example() -> None:
    key = ntlm.response_key(NT_HASH, "User", "Domain")
    assert key.hex() == "0c868a403bfd7a93a3001ef22ef02e3f"


def test_the_proof_is_that_of_the_example() -> None:
    key = ntlm.response_key(NT_HASH, "User", "Domain")
    assert ntlm.proof(key, CHALLENGE, BLOB).hex() == "68cd0ab851e51c96aabc927bebef6a1c"


def test_keys_of_a_direction_are_those_of_the_example() -> None:
    sign, seal = ntlm.direction_keys(SESSION_KEY, ntlm.CLIENT_TO_SERVER)
    assert sign.hex() == "4788dc861b4782f35d43fd98fe1a2d39"
    assert seal.hex() == "59f600973cc4960a25480a7c196e4c58"


def test_a_sealed_message_is_that_of_the_example() -> None:
    plain = "Plaintext".encode("utf-16-le")
    direction = ntlm.Direction(SESSION_KEY, ntlm.CLIENT_TO_SERVER)
    assert direction.crypt(plain).hex() == "54e50165bf1936dc996020c1811b0f06fb5f"
    assert direction.code(plain).hex() == "010000007fb38ec5c55d497600000000"


def test_the_cipher_goes_on_from_message_to_message() -> None:
    direction = ntlm.Direction(SESSION_KEY, ntlm.CLIENT_TO_SERVER)
    _, seal = ntlm.direction_keys(SESSION_KEY, ntlm.CLIENT_TO_SERVER)
    stream = ARC4.new(seal)
    assert direction.crypt(b"one") + direction.crypt(b"two") == stream.encrypt(b"onetwo")
