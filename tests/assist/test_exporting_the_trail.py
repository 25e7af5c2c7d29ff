"""The exported trail verifies on a machine without the portal, and only while it is untouched."""

from __future__ import annotations

import importlib.util
import io
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from assist import audit
from assist.actors import Actor
from assist.audit.signing import new_key
from assist.models import AuditEvent, AuditPersonal
from tests.assist.cast import NOW, Cast
from tests.environment import ROOT, sample_size

pytestmark = pytest.mark.django_db
STRANGE = "\\ \b\f\n\r\t\v \x01\x7f \" ' Zo\u00eb \u2028 \U0001f600"


@dataclass(frozen=True)
class Elsewhere:
    """A folder with the verifier, an export and the public key, and nothing of the portal."""

    folder: Path

    @property
    def export(self) -> Path:
        return self.folder / "trail.jsonl"

    def run(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit status and answer of the verifier, by an interpreter that knows no other path."""
        done = subprocess.run(
            [sys.executable, "-I", "verify_audit.py", "trail.jsonl", "--json", *arguments],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.stderr
        return done.returncode, json.loads(done.stdout)

    def signed(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        return self.run("--public-key", "key.pem", *arguments)


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Elsewhere:
    """With a trail of strange events in it."""
    settings.AUDIT_CHECKPOINT_KEY = new_key()
    settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "checkpoints.jsonl")
    shutil.copy(ROOT / "docs" / "verify_audit.py", tmp_path)
    key = io.StringIO()
    call_command("audit_key", "--public", stdout=key)
    (tmp_path / "key.pem").write_text(key.getvalue())
    addresses = ("192.0.2.7", "2001:db8::1", "::ffff:192.0.2.1", None)
    for number in range(8):
        audit.record(
            "test.done",
            actor=Actor("S-1-5", STRANGE, source_address=addresses[number % 4]),
            subject_name=STRANGE,
            data={STRANGE: [STRANGE, {"bb": -1, "a": None}], "number": number},
            personal={"novice": STRANGE},
            now=NOW + timedelta(microseconds=number),
        )
        audit.seal(NOW + timedelta(seconds=number))
        if number == 4:
            audit.checkpoint_write(NOW)
    found = Elsewhere(tmp_path)
    call_command("audit_export", str(found.export), stdout=io.StringIO())
    return found


def test_the_folder_has_no_portal(elsewhere: Elsewhere) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", "import assist"],
        cwd=elsewhere.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No module named 'assist'" in done.stderr


def test_an_exported_trail_verifies_without_the_portal(elsewhere: Elsewhere) -> None:
    status, answer = elsewhere.signed("--checkpoint", "checkpoints.jsonl")
    assert (status, answer["count"], answer["checkpoints"]) == (0, 8, 1)
    status, answer = elsewhere.run()
    assert (status, answer["count"]) == (0, 8)
    assert "No signature was checked" in answer["sentence"]


def test_the_story_of_an_offer_verifies_too(elsewhere: Elsewhere, cast: Cast) -> None:
    cast.request(ticket="INC-1")
    audit.seal(NOW)
    call_command("audit_export", str(elsewhere.export), stdout=io.StringIO())
    assert elsewhere.signed()[1]["count"] == AuditEvent.objects.filter(seal__gt=0).count() == 12


def test_a_part_verifies_by_itself(elsewhere: Elsewhere) -> None:
    call_command(
        *("audit_export", str(elsewhere.export), "--from", "3", "--to", "6"),
        stdout=io.StringIO(),
    )
    status, answer = elsewhere.signed("--checkpoint", "checkpoints.jsonl")
    assert (status, answer["first"], answer["count"]) == (0, 3, 4)


def test_an_erased_person_leaves_a_trail_that_verifies(elsewhere: Elsewhere) -> None:
    AuditPersonal.objects.all().delete()
    call_command("audit_export", str(elsewhere.export), stdout=io.StringIO())
    assert elsewhere.signed()[0] == 0


def test_personal_values_can_be_left_out(elsewhere: Elsewhere) -> None:
    output = io.StringIO()
    call_command("audit_export", "-", "--without-personal", stdout=output)
    lines = [json.loads(line) for line in output.getvalue().split("\n") if line]
    assert [line["personal"] for line in lines[1:-1]] == [{}] * 8
    elsewhere.export.write_text(output.getvalue())
    assert elsewhere.signed()[0] == 0
    assert AuditEvent.objects.filter(kind="audit.exported").count() == 2


Lines = list[dict[str, Any]]


def _at(change: Callable[[dict[str, Any], random.Random], object]) -> Callable[..., None]:
    def act(lines: Lines, dice: random.Random) -> None:
        change(lines[dice.randint(1, 8)], dice)

    return act


def _swap(lines: Lines, dice: random.Random) -> None:
    one, other = dice.sample(range(1, 9), 2)
    lines[one], lines[other] = lines[other], lines[one]


def _delete(lines: Lines, dice: random.Random) -> None:
    del lines[dice.randint(1, 8)]


def _insert(lines: Lines, dice: random.Random) -> None:
    lines.insert(dice.randint(1, 8), json.loads(json.dumps(lines[dice.randint(1, 8)])))


def _cut(lines: Lines, dice: random.Random) -> None:
    del lines[dice.randint(1, 8) : 9]


def _cut_with_the_checkpoint(lines: Lines, dice: random.Random) -> None:
    del lines[dice.randint(1, 8) :]


CHANGED: dict[str, Any] = {
    "id": 9,
    "at": "2026-11-23T09:00:01.000000Z",
    "kind": "x",
    "actor_sid": "x",
    "actor_name": "x",
    "subject_kind": "x",
    "subject_id": "x",
    "subject_name": "x",
    "offer_id": "x",
    "ticket": "x",
    "source_address": "x",
    "request_id": "x",
    "data": {},
    "version": 1,
    "algorithm": "sha3-256",
    "position": 99,
    "hash": "0" * 64,
    "previous_hash": "1" * 64,
    "sealed_at": "2026-11-24T09:00:01.000000Z",
}
ACTS: dict[str, Callable[[Lines, random.Random], None]] = {
    **{
        f"edit {part} {name}": _at(
            lambda line, dice, part=part, name=name: line[part].update({name: CHANGED[name]})  # type: ignore[misc]
        )
        for part, names in (
            ("event", list(CHANGED)[:13]),
            ("seal", list(CHANGED)[13:]),
        )
        for name in names
    },
    "edit a personal value": _at(lambda line, dice: line["personal"]["novice"].update(value="x")),
    "edit a salt": _at(lambda line, dice: line["personal"]["novice"].update(salt="x")),
    "add a personal value": _at(
        lambda line, dice: line["personal"].update(x={"salt": "x", "value": "x"})
    ),
    "add a field": _at(lambda line, dice: line["event"].update(x="x")),
    "drop a field": _at(lambda line, dice: line["event"].pop("ticket")),
    "edit the checkpoint": lambda lines, dice: lines[-1].update(position=7),
    "swap": _swap,
    "delete": _delete,
    "insert": _insert,
    "cut": _cut,
    "cut with the checkpoint": _cut_with_the_checkpoint,
    "say it begins later": lambda lines, dice: lines[0].update(first=2),
}


@pytest.mark.parametrize("seed", range(sample_size(3, soak=30)))
def test_every_change_of_an_export_is_found(elsewhere: Elsewhere, seed: int) -> None:
    verifier = _imported(elsewhere.folder / "verify_audit.py")  # in this process: there are many
    key = verifier.read_key(str(elsewhere.folder / "key.pem"))
    original = elsewhere.export.read_text(encoding="utf-8").split("\n")[:-1]
    assert verifier.verify(iter(original), key, {}) == (1, 8, 0, 0)
    for name, act in ACTS.items():
        lines = [json.loads(line) for line in original]
        act(lines, random.Random(f"{seed} {name}"))
        with pytest.raises(verifier.Wrong):
            pytest.fail(f"{name}: {verifier.verify(map(json.dumps, lines), key, {})}")


def _imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("verify_audit", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_checkpoint_kept_elsewhere_finds_a_chain_computed_anew(elsewhere: Elsewhere) -> None:
    """The key was stolen too: the export is signed, but the checkpoint of then is not of it."""
    other = elsewhere.folder / "checkpoints.jsonl"
    document = audit.checkpoint_write(NOW).document
    call_command("audit_export", str(elsewhere.export), "--to", "6", stdout=io.StringIO())
    other.write_text(document)
    status, answer = elsewhere.signed("--checkpoint", "checkpoints.jsonl")
    assert (status, "cut off" in answer["sentence"]) == (1, True)


@pytest.mark.parametrize("content", ["", "x", "[]", "{}", '{"format": "x"}', "\x00"])
def test_what_is_no_export_cannot_be_judged(elsewhere: Elsewhere, content: str) -> None:
    elsewhere.export.write_text(content)
    assert elsewhere.run()[0] == 2


def test_wrong_keys_and_files_cannot_be_judged(elsewhere: Elsewhere) -> None:
    assert elsewhere.run("--public-key", "nowhere.pem")[0] == 2
    assert elsewhere.run("--public-key", "trail.jsonl")[0] == 2
    assert elsewhere.run("--checkpoint", "checkpoints.jsonl")[0] == 2


@pytest.mark.parametrize("range_", [("0", "3"), ("5", "4"), ("9", "12"), ("-1", "2")])
def test_positions_that_are_not_there_are_refused(
    elsewhere: Elsewhere, range_: tuple[str, str]
) -> None:
    before = elsewhere.export.read_bytes()
    with pytest.raises(CommandError, match="positions 1 to 8"):
        call_command(
            "audit_export", str(elsewhere.export), f"--from={range_[0]}", f"--to={range_[1]}"
        )
    assert elsewhere.export.read_bytes() == before
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("audit_export", "/nowhere/trail.jsonl")


class TestRemovedRanges:
    """An export of a trail from which retention has removed events."""

    @pytest.fixture(autouse=True)
    def _removed(self, settings: Settings, elsewhere: Elsewhere) -> None:
        settings.AUDIT_RETENTION_DAYS = {"test.done": 1}
        settings.AUDIT_RETENTION_LEAST_EVENTS = 1
        audit.checkpoint_write(NOW)
        for _ in range(4):
            audit.record("test.kept", actor=Actor.portal())
        audit.seal(NOW)
        audit.checkpoint_write(NOW)
        removed = audit.remove_old(NOW + timedelta(days=2))
        assert [(each.first, each.last) for each in removed] == [(1, 8)]
        audit.seal(NOW)
        call_command("audit_export", str(elsewhere.export), stdout=io.StringIO())

    def test_a_stub_in_their_place_verifies(self, elsewhere: Elsewhere) -> None:
        status, answer = elsewhere.signed("--checkpoint", "checkpoints.jsonl")
        count = AuditEvent.objects.filter(seal__gt=0).count()
        assert (status, answer["count"], answer["removed"]) == (0, count, 8)
        # Those at its end and behind it; one within it cannot be compared.
        assert answer["checkpoints"] == 2

    def test_a_gap_without_its_stub_is_named(self, elsewhere: Elsewhere) -> None:
        lines = elsewhere.export.read_text().splitlines(keepends=True)
        elsewhere.export.write_text("".join([lines[0], *lines[2:]]))
        status, answer = elsewhere.signed()
        assert (status, "position 1" in answer["sentence"]) == (1, True)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("last", 9),
            ("last", 7),
            ("first", 2),
            ("count", 7),
            ("last_hash", "0" * 64),
            ("previous_hash", "1" * 64),
            ("kinds", "0" * 64),
            ("at", "2026-01-01T00:00:00+00:00"),
            ("last", "8"),
        ],
    )
    def test_a_stub_that_was_changed_is_named(
        self, elsewhere: Elsewhere, name: str, value: object
    ) -> None:
        lines = elsewhere.export.read_text().splitlines()
        lines[1] = json.dumps(json.loads(lines[1]) | {name: value})
        elsewhere.export.write_text("\n".join(lines) + "\n")
        status, answer = elsewhere.signed()
        assert (status, "stub" in answer["sentence"]) == (1, True)

    def test_a_part_begins_after_the_range(self, elsewhere: Elsewhere) -> None:
        call_command("audit_export", str(elsewhere.export), "--from", "3", stdout=io.StringIO())
        status, answer = elsewhere.signed()
        assert (status, answer["first"], answer["removed"]) == (0, 9, 0)
