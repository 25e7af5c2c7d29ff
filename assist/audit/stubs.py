"""Stubs: what stays, signed, where whole ranges of old events were removed from the chain.

docs/audit-format.md has the format for those who check without the portal.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from assist.audit.canonical import GENESIS
from assist.audit.signing import key_id
from assist.errors import CheckpointRefused
from assist.models import AuditSeal, AuditStub

FORMAT = "audit-stub-1"
_FIELDS = ("first", "last", "count", "previous_hash", "first_hash", "last_hash", "kinds", "at")
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Stub:
    """A range of the chain that was removed.

    Attributes:
        first: Its first position.
        last: Its last.
        count: How many events: ``last - first + 1``.
        previous_hash: The hash before the first.
        first_hash: The first's.
        last_hash: The last's, which the next event's seal names.
        kinds: From :func:`kinds_digest`.
        at: When it was removed, as ISO 8601 with its offset.
    """

    first: int
    last: int
    count: int
    previous_hash: str
    first_hash: str
    last_hash: str
    kinds: str
    at: str


def kinds_digest(kinds: Mapping[str, int]) -> str:
    """SHA-256, in hexadecimal, of lines ``kind TAB count``, sorted, each with a line feed.

    Args:
        kinds: How many events there were of each.
    """
    lines = "".join(f"{kind}\t{count}\n" for kind, count in sorted(kinds.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def sign_stub(stub: Stub, key: Ed25519PrivateKey) -> str:
    """The stub as one line of JSON, without a line feed."""
    document = {"format": FORMAT, **vars(stub), "key": key_id(key.public_key())}
    signature = base64.b64encode(key.sign(_signed(document))).decode("ascii")
    return json.dumps(document | {"signature": signature})


def read_stub(line: str, key: Ed25519PublicKey) -> Stub:
    """The stub of a line, its signature checked.

    Raises:
        CheckpointRefused: It is not a stub, or not signed by this key.
    """
    try:
        document = json.loads(line)
        stub = Stub(**{name: document[name] for name in _FIELDS})
        if document["format"] != FORMAT or not _is_whole(stub):
            raise ValueError(document["format"])
        signature = base64.b64decode(document["signature"], validate=True)
        content, signer = _signed(document), document["key"]
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise CheckpointRefused("is not a stub") from None
    try:
        key.verify(signature, content)
    except InvalidSignature:
        if signer != key_id(key):
            sentence = f"was signed by the key {signer}, not by {key_id(key)}"
            raise CheckpointRefused(sentence) from None
        raise CheckpointRefused("was changed after it was signed") from None
    return stub


@dataclass(frozen=True)
class Gaps:
    """The removed ranges of the chain.

    Attributes:
        stubs: Those that are signed, in order.
        refused: What is wrong with others, by their first position.
    """

    stubs: tuple[Stub, ...] = ()
    refused: Mapping[int, str] | None = None

    def segments(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """What is left of a range: first and last position of each stretch between stubs."""
        for stub in self.stubs:
            if stub.last < first or stub.first > last:
                continue
            if first < stub.first:
                yield first, stub.first - 1
            first = stub.last + 1
        if first <= last:
            yield first, last

    def covering(self, position: int) -> Stub | None:
        """The stub in whose range a position is."""
        return next((stub for stub in self.stubs if stub.first <= position <= stub.last), None)

    def removed(self, first: int, last: int) -> int:
        """How many events of a range are not there any more."""
        return sum(max(0, min(stub.last, last) - max(stub.first, first) + 1) for stub in self.stubs)


def read_gaps(key: Ed25519PublicKey | None) -> Gaps:
    """The removed ranges as the database has them, each stub checked.

    Args:
        key: Whose signature each must bear; None refuses all of them.
    """
    stubs: list[Stub] = []
    refused: dict[int, str] = {}
    before = 0
    for row in AuditStub.objects.all():
        sentence = ""
        try:
            if key is None:
                raise CheckpointRefused("cannot be checked without the public key")
            stub = read_stub(row.document, key)
            if (stub.first, stub.last) != (row.first_position, row.last_position) or (
                stub.last_hash != row.last_hash
            ):
                raise CheckpointRefused("is not what its row says")
            if stub.first <= before:
                raise CheckpointRefused("covers what another one covers")
            if _hash_before(stub.first) != stub.previous_hash:
                raise CheckpointRefused("does not follow the event before it")
            if AuditSeal.objects.filter(position__range=(stub.first, stub.last)).exists():
                raise CheckpointRefused("covers events that are there")
        except CheckpointRefused as error:
            sentence = error.sentence
        if sentence:
            refused[row.first_position] = sentence
            continue
        stubs.append(stub)
        before = stub.last
    return Gaps(tuple(stubs), refused)


def _hash_before(position: int) -> str | None:
    if position == 1:
        return GENESIS
    return hash_at(position - 1)


def hash_at(position: int) -> str | None:
    """The hash at a position, of its seal or of a stub that ends there."""
    found = AuditSeal.objects.filter(position=position).values_list("hash", flat=True).first()
    if found is None:
        stubs = AuditStub.objects.filter(last_position=position)
        found = stubs.values_list("last_hash", flat=True).first()
    return found


def _is_whole(stub: Stub) -> bool:
    numbers: Sequence[Any] = (stub.first, stub.last, stub.count)
    hashes: Sequence[Any] = (stub.previous_hash, stub.first_hash, stub.last_hash, stub.kinds)
    return (
        all(type(number) is int for number in numbers)
        and 1 <= stub.first <= stub.last
        and stub.count == stub.last - stub.first + 1
        and all(_HASH.fullmatch(each) for each in hashes)
        and datetime.fromisoformat(stub.at).tzinfo is not None
    )


def _signed(document: Mapping[str, Any]) -> bytes:
    names = ("format", *_FIELDS, "key")
    return "".join(f"{document[name]}\n" for name in names).encode()
