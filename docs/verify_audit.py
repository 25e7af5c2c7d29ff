#!/usr/bin/env python3
"""Verifies an exported audit trail of the Remote Assistance portal, without the portal.

    python3 verify_audit.py EXPORT [--public-key KEY.pem] [--checkpoint FILE] [--json]

EXPORT is a file of ``manage.py audit_export``, or - for standard input. Needs Python 3.8 or newer
and, for signatures, the package ``cryptography``. The format is in audit-format.md.

Without ``--public-key`` the chain is verified in itself: that shows that nothing was changed in
part, not that it was not computed anew as a whole or cut off. With it the checkpoint at the end of
the export, and those of ``--checkpoint``, must be signed by that key and agree with the chain.

Exit 0: it holds. 1: it does not; the first event that is wrong is named. 2: it cannot be told.
"""

import argparse
import base64
import hashlib
import hmac
import json
import re
import sys
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - Python 3.8 has no UTC
EVENT_FIELDS = (
    *("id", "at", "kind", "actor_sid", "actor_name", "subject_kind", "subject_id"),
    *("subject_name", "offer_id", "ticket", "source_address", "request_id", "data"),
)
STUB_FIELDS = (
    *("format", "first", "last", "count", "previous_hash", "first_hash", "last_hash"),
    *("kinds", "at", "key"),
)
HASH = re.compile("[0-9a-f]{64}")
ALGORITHMS = {"sha256": hashlib.sha256, "sha3-256": hashlib.sha3_256}
ESCAPES = {
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Wrong(Exception):
    """The trail does not hold; the text says where and how."""


class CannotTell(Exception):
    """What was given cannot be judged."""


def microseconds(text):
    if not TIME.fullmatch(text):
        raise ValueError(text)
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=EPOCH.tzinfo)
    return (moment - EPOCH) // timedelta(microseconds=1)


def escaped(value):
    if value is None:
        return "\\N"
    if not isinstance(value, str):
        raise ValueError(value)
    return "".join(ESCAPES.get(character, character) for character in value)


def ordered(value):
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return {key: ordered(value[key]) for key in keys}
    if isinstance(value, list):
        return [ordered(item) for item in value]
    return value


def canonical(seal, event):
    """The bytes that the hash of a seal is of."""
    if seal["version"] == 1 and seal["algorithm"] == "sha256":
        content = {
            "version": 1,
            "position": seal["position"],
            "previous": seal["previous_hash"],
            "sealed_at": seal["sealed_at"],
            "event": {name: event[name] for name in EVENT_FIELDS},
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()
    if seal["version"] != 2 or seal["algorithm"] not in ALGORITHMS:
        raise ValueError(seal["version"])
    fields = [
        *("2", seal["algorithm"], str(seal["position"]), seal["previous_hash"]),
        *(str(microseconds(seal["sealed_at"])), str(event["id"]), str(microseconds(event["at"]))),
        *(escaped(event[name]) for name in EVENT_FIELDS[2:-1]),
        escaped(json.dumps(ordered(event["data"]), ensure_ascii=False)),
    ]
    return "\t".join(fields).encode()


def check_line(line, position, previous, version):
    """One event of the export; returns its seal's hash and version."""
    where = f"position {position}"
    try:
        seal, event, personal = line["seal"], line["event"], line["personal"]
        if set(event) != set(EVENT_FIELDS):
            raise ValueError(event)
        if seal["position"] != position:
            raise Wrong(f"{where}: the event was removed or moved.")
        named = f"{where}, event {event['id']} ({event['kind']})"
        if seal["previous_hash"] != previous:
            raise Wrong(f"{named}: it does not follow the one before it.")
        changed = f"{named}: it is not what was sealed."
        if seal["version"] < version:
            raise Wrong(changed)
        algorithm = ALGORITHMS[seal["algorithm"]]
        if algorithm(canonical(seal, event)).hexdigest() != seal["hash"]:
            raise Wrong(changed)
        digests = event["data"].get("personal", {})
        for name, kept in personal.items():
            content = f"{name}={kept['value']}".encode()
            digest = hmac.new(kept["salt"].encode(), content, hashlib.sha256).hexdigest()
            if digests.get(name) != digest:
                raise Wrong(f"{named}: {name} is not what was recorded.")
        return seal["hash"], seal["version"]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise Wrong(f"{where}: what stands there is no event as it was sealed.") from None


def read_key(path):
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise CannotTell("The package cryptography is not installed.") from None
    try:
        with open(path, "rb") as file:
            key = load_pem_public_key(file.read())
    except (OSError, ValueError) as error:
        raise CannotTell(f"{path}: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise CannotTell(f"{path} is not an Ed25519 key.")
    return key


def require_signed(document, key, names):
    from cryptography.exceptions import InvalidSignature

    content = "".join(f"{document[name]}\n" for name in names)
    try:
        key.verify(base64.b64decode(document["signature"], validate=True), content.encode())
    except InvalidSignature:
        raise ValueError(document) from None


def check_stub(stub, position, previous, key):
    """What stands for events that were removed by retention; returns the last one's position."""
    try:
        first, last = stub["first"], stub["last"]
        if type(first) is not int or type(last) is not int or first != position:
            raise ValueError(first)
        if last < first or stub["count"] != last - first + 1:
            raise ValueError(stub["count"])
        if stub["previous_hash"] != previous or not HASH.fullmatch(stub["last_hash"]):
            raise ValueError(stub["previous_hash"])
        if key is not None:
            require_signed(stub, key, STUB_FIELDS)
    except (KeyError, TypeError, ValueError):
        raise Wrong(
            f"position {position}: the stub for removed events there is not one that the key has "
            "signed for this place."
        ) from None
    return last


def check_signature(document, key, where):
    try:
        require_signed(document, key, ("format", "position", "hash", "at", "key"))
        if document["format"] != "audit-checkpoint-1" or type(document["position"]) is not int:
            raise ValueError(document)
    except (KeyError, TypeError, ValueError):
        raise Wrong(f"{where} is not a checkpoint that the key has signed.") from None


def read_checkpoints(path, key):
    if key is None:
        raise CannotTell("--checkpoint needs --public-key.")
    found = {}
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    document = json.loads(line)
                    check_signature(document, key, f"{path}, line {number}")
                    found[document["position"]] = document["hash"]
    except (OSError, ValueError) as error:
        raise CannotTell(f"{path}: {error}") from None
    return found


def verify(lines, key, checkpoints):
    """Returns first position, number of events, of removed ones, and of checkpoints compared."""
    try:
        head = json.loads(next(lines))
        if head["format"] != "audit-trail-1":
            raise ValueError(head["format"])
        first, previous = head["first"], head["previous_hash"]
        position = first - 1
    except (StopIteration, KeyError, TypeError, ValueError):
        raise CannotTell("This is not an export of an audit trail.") from None
    expected, version, compared, end, removed = dict(checkpoints), 0, 0, None, 0
    for text in lines:
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = None
        if end is not None:
            raise Wrong("Something follows the checkpoint at the end.")
        is_stub = isinstance(line, dict) and line.get("format") == "audit-stub-1"
        if isinstance(line, dict) and "format" in line and not is_stub:
            end = line
            continue
        if position in expected:
            compared += compare(expected.pop(position), previous, position)
        if is_stub:
            start, position = position + 1, check_stub(line, position + 1, previous, key)
            if start in expected:
                compared += compare(expected.pop(start), line["first_hash"], start)
            # Between its ends nobody can tell any more.
            expected = {at: seen for at, seen in expected.items() if not start < at < position}
            removed += position - start + 1
            previous = line["last_hash"]
            continue
        previous, version = check_line(line, position + 1, previous, version)
        position += 1
    if position in expected:
        compared += compare(expected.pop(position), previous, position)
    if key is not None:
        if end is None:
            raise Wrong("The signed checkpoint at the end is not there: the tail was cut off.")
        check_signature(end, key, "The line at the end")
        if (end["position"], end["hash"]) != (position, previous):
            raise Wrong(
                f"position {position}: the export ends there, but was signed with position "
                f"{end['position']}."
            )
    late = [at for at in expected if at > position]
    if late:
        raise Wrong(
            f"position {position + 1}: a checkpoint saw position {min(late)}, so the tail was cut "
            "off, or this is not all of the trail."
        )
    return first, position - first + 1 - removed, removed, compared


def compare(expected, found, position):
    if position and expected != found:
        raise Wrong(f"position {position}: a checkpoint saw another chain.")
    return 1


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("export", help="the exported trail, or -")
    parser.add_argument("--public-key", help="PEM file of the key that signs checkpoints")
    parser.add_argument("--checkpoint", help="file of checkpoints that were kept elsewhere")
    parser.add_argument("--json", action="store_true", help="answer with one line of JSON")
    chosen = parser.parse_args()
    answer = {
        "holds": False,
        "first": None,
        "count": 0,
        "removed": 0,
        "checkpoints": 0,
        "sentence": "",
    }
    status = 0
    try:
        key = read_key(chosen.public_key) if chosen.public_key else None
        checkpoints = read_checkpoints(chosen.checkpoint, key) if chosen.checkpoint else {}
        name = 0 if chosen.export == "-" else chosen.export
        with open(name, encoding="utf-8", newline="\n") as file:
            first, count, removed, compared = verify(file, key, checkpoints)
        sentence = f"The trail holds: {count} events from position {first}."
        if removed:
            sentence += f" {removed} were removed by retention, under stubs."
        if key is None:
            sentence += " No signature was checked: it may have been computed anew, or cut off."
        answer.update(holds=True, first=first, count=count, removed=removed, checkpoints=compared)
    except Wrong as error:
        sentence, status = f"The trail does not hold. {error}", 1
    except (CannotTell, OSError, UnicodeDecodeError) as error:
        sentence, status = f"It cannot be told: {error}", 2
    answer["sentence"] = sentence
    print(json.dumps(answer) if chosen.json else sentence)
    return status


if __name__ == "__main__":
    sys.exit(main())
