"""Checkpoints: signed, out of the database, and what they tell when the chain was cut."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from assist import audit, tasks
from assist.actors import Actor
from assist.audit.signing import (
    Checkpoint,
    new_key,
    parse_private_key,
    public_pem,
    read_checkpoints,
    sign,
)
from assist.checks import audit_checkpoints
from assist.errors import CheckpointRefused, NotConfigured
from assist.models import AuditCheckpoint, AuditSeal
from tests.assist.cast import NOW
from tests.audit_flush import as_database_owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def sink(settings: Settings, tmp_path: Path) -> Path:
    """The file that checkpoints go to."""
    settings.AUDIT_CHECKPOINT_KEY = new_key()
    settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "checkpoints.jsonl")
    return tmp_path / "checkpoints.jsonl"


@dataclass
class Service:
    """What an HTTP sink was sent, and what it answers."""

    url: str
    status: int = 204
    requests: list[tuple[str | None, str]] = field(default_factory=list)


@pytest.fixture
def service() -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.requests.append((self.headers["Authorization"], body))
            self.send_response(told.status)
            self.send_header("Location", told.url + "/elsewhere")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    told = Service(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def events(count: int) -> None:
    for _ in range(count):
        audit.record("test.done", actor=Actor.portal())
    audit.seal(NOW)


def verified(*arguments: str) -> tuple[int, dict[str, object]]:
    """Exit status and JSON of ``audit_verify``."""
    output = io.StringIO()
    status: object = 0
    try:
        call_command("audit_verify", "--json", *arguments, stdout=output)
    except SystemExit as end:
        status = end.code
    assert isinstance(status, int)
    return status, json.loads(output.getvalue())


def cut_after(position: int) -> None:
    with as_database_owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM assist_auditseal WHERE position > %s", [position])
        cursor.execute(
            "DELETE FROM assist_auditevent WHERE id NOT IN (SELECT event_id FROM assist_auditseal)"
        )


def test_checkpoints_are_appended_and_agree_with_the_chain(sink: Path) -> None:
    audit.checkpoint_write(NOW)  # of an empty chain
    events(2)
    tasks.write_audit_checkpoint()
    events(3)
    call_command("audit_checkpoint", stdout=io.StringIO())
    assert len(sink.read_text().splitlines()) == 3
    assert [row.is_delivered for row in AuditCheckpoint.objects.all()] == [True] * 3
    status, answer = verified("--checkpoint", str(sink))
    assert (status, answer["count"], answer["checkpoints"]) == (0, 5, 3)


def test_a_cut_tail_is_found_through_a_checkpoint_alone(sink: Path) -> None:
    events(5)
    audit.checkpoint_write(NOW)
    cut_after(3)
    assert verified()[0] == 0
    status, answer = verified("--checkpoint", str(sink))
    assert status == 1
    assert answer["first_bad"]["position"] == 4  # type: ignore[index]
    assert "cut off" in answer["first_bad"]["sentence"]  # type: ignore[index]


def test_verification_goes_on_from_a_checkpoint(sink: Path) -> None:
    events(4)
    audit.checkpoint_write(NOW)
    events(3)
    status, answer = verified("--checkpoint", str(sink), "--from", "checkpoint")
    assert (status, answer["first"], answer["count"]) == (0, 5, 3)
    assert verified("--from", "2", "--to", "4")[1]["count"] == 3
    with as_database_owner():
        AuditSeal.objects.filter(position=4).update(hash="0" * 64)
    status, answer = verified("--checkpoint", str(sink), "--from", "checkpoint")
    assert status == 1


def test_a_file_that_a_power_cut_left_open_gets_a_new_line(sink: Path) -> None:
    sink.write_text('{"format"')
    audit.checkpoint_write(NOW)
    assert sink.read_text().splitlines()[0] == '{"format"'
    assert json.loads(sink.read_text().splitlines()[1])["position"] == 0


def test_the_service_is_sent_the_signed_line(settings: Settings, service: Service) -> None:
    settings.AUDIT_CHECKPOINT_KEY = new_key()
    settings.AUDIT_CHECKPOINT_URL = service.url
    settings.AUDIT_CHECKPOINT_TOKEN = "secret"
    checkpoint = audit.checkpoint_write(NOW)
    assert service.requests == [("Bearer secret", checkpoint.document)]


@pytest.mark.parametrize("status", [302, 401, 500])
def test_a_service_that_says_no_is_noted_and_the_file_written(
    settings: Settings, sink: Path, service: Service, status: int
) -> None:
    settings.AUDIT_CHECKPOINT_URL, service.status = service.url, status
    checkpoint = audit.checkpoint_write(NOW)
    assert not checkpoint.is_delivered
    assert str(status) in checkpoint.error
    assert len(service.requests) == 1
    assert len(sink.read_text().splitlines()) == 1


def test_sinks_that_are_not_there_are_noted(settings: Settings, tmp_path: Path) -> None:
    settings.AUDIT_CHECKPOINT_KEY = new_key()
    settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "nowhere" / "file")
    settings.AUDIT_CHECKPOINT_URL = "http://127.0.0.1:1/"
    with pytest.raises(CommandError, match=r"nowhere.*127\.0\.0\.1"):
        call_command("audit_checkpoint", stdout=io.StringIO())
    assert not AuditCheckpoint.objects.get().is_delivered


def test_without_a_key_or_a_place_nothing_is_written(settings: Settings) -> None:
    tasks.write_audit_checkpoint()
    with pytest.raises(NotConfigured):
        audit.checkpoint_write()
    settings.AUDIT_CHECKPOINT_KEY = new_key()
    with pytest.raises(CommandError):
        call_command("audit_checkpoint")
    assert not AuditCheckpoint.objects.exists()


@pytest.mark.parametrize("name", ["position", "hash", "at", "key", "signature", "format"])
def test_a_changed_checkpoint_is_refused(sink: Path, name: str) -> None:
    events(1)
    document = json.loads(audit.checkpoint_write(NOW).document)
    changed = {
        "position": 2,
        "hash": "1" * 64,
        "at": "2026-11-23T09:00:01+00:00",
        "key": "0" * 16,
        "signature": "AAAA" + document["signature"][4:],
        "format": "audit-checkpoint-2",
    }
    sink.write_text(json.dumps(document | {name: changed[name]}))
    with pytest.raises(CommandError, match="Line 1") as refused:
        call_command("audit_verify", "--checkpoint", str(sink))
    assert refused.value.returncode == 2


@pytest.mark.parametrize("line", ["[]", "{}", "x", '{"format": 1}', "[" * 100_000])
def test_what_is_no_checkpoint_is_refused(line: str) -> None:
    key = parse_private_key(new_key()).public_key()
    with pytest.raises(CheckpointRefused):
        read_checkpoints([line], key)


def test_the_public_key_of_another_is_refused_by_name(sink: Path, tmp_path: Path) -> None:
    audit.checkpoint_write(NOW)
    other = tmp_path / "other.pem"
    other.write_text(public_pem(parse_private_key(new_key()).public_key()))
    with pytest.raises(CommandError, match="was signed by the key"):
        call_command("audit_verify", "--checkpoint", str(sink), "--public-key", str(other))
    output = io.StringIO()
    call_command("audit_key", "--public", stdout=output)
    other.write_text(output.getvalue())
    assert verified("--checkpoint", str(sink), "--public-key", str(other))[0] == 0


def test_audit_key_prints_a_key_that_signs() -> None:
    output = io.StringIO()
    call_command("audit_key", stdout=output)
    key = parse_private_key(output.getvalue())
    line = sign(Checkpoint(1, "0" * 64, NOW), key)
    assert read_checkpoints([line, ""], key.public_key()) == [Checkpoint(1, "0" * 64, NOW)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--from", "0"],
        ["--from", "x"],
        ["--from", "7"],
        ["--from", "checkpoint"],
        ["--from", "2", "--to", "1"],
        ["--checkpoint", "/nowhere"],
    ],
)
def test_absurd_ranges_are_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("audit_verify", *arguments)
    assert refused.value.returncode == 2


def test_wrong_settings_are_named(settings: Settings) -> None:
    assert audit_checkpoints() == []
    settings.AUDIT_CHECKPOINT_KEY = "x"
    assert [found.id for found in audit_checkpoints()] == ["assist.E020", "assist.W020"]
    settings.AUDIT_CHECKPOINT_KEY = new_key()
    settings.AUDIT_CHECKPOINT_URL = "http://sink.example/"
    assert [found.id for found in audit_checkpoints()] == ["assist.E021"]
    settings.AUDIT_CHECKPOINT_URL = "https://sink.example/"
    assert audit_checkpoints() == []
