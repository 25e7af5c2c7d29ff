"""The console's commands: what they print and how they exit."""

from __future__ import annotations

import io
import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import DatabaseError

from assist.management.commands import offer as offer_command
from assist.models import EvidenceKind, Offer
from assist.offers import offer_contact, offer_report
from tests.assist.cast import Cast
from tests.assist.conftest import BOB, CAROL, ScriptedNovice

pytestmark = pytest.mark.usefixtures("clock")


class Run:
    """A command run to its end."""

    def __init__(self, name: str, *arguments: str) -> None:
        output, errors = io.StringIO(), io.StringIO()
        try:
            call_command(name, *arguments, stdout=output, stderr=errors)
            self.code: Any = 0
        except SystemExit as end:
            self.code = end.code
        self.output, self.errors = output.getvalue(), errors.getvalue()

    @property
    def json(self) -> Any:
        return json.loads(self.output.splitlines()[-1])


@pytest.mark.parametrize("expert", [r"R2\mjones", r"r2.local\MJones", "mjones@R2.LOCAL", "mjones"])
def test_explain_offer_allows_mary_by_any_of_her_names(cast: Cast, expert: str) -> None:
    run = Run("explain_offer", expert, "xp191", "--mode", "control")
    assert run.code == 0
    assert run.output.startswith(r"ALLOWED: R2\mjones may offer help on XP191")
    for word in (r"R2\Helpdesk Winnipeg", "WinnipegGPO", "OU=Winnipeg", cast.mjones.sid):
        assert word in run.output


def test_explain_offer_refuses_with_the_reason_and_what_can_be_done(cast: Cast) -> None:
    run = Run("explain_offer", r"R2\eadams", "XP191", "--json")
    assert run.code == 1
    assert run.json["verdict"] == "refused"
    assert "helper list" in run.json["sentence"]
    assert not Offer.objects.exists()
    assert "What can be done" in Run("explain_offer", r"R2\eadams", "XP191").output


@pytest.mark.parametrize(
    "arguments", [(r"R2\nobody", "XP191"), ("mjones", "XP999"), ("", ""), ("a;b", "c d")]
)
def test_explain_offer_exits_2_for_unknown_names(cast: Cast, arguments: tuple[str, ...]) -> None:
    run = Run("explain_offer", *arguments, "--json")
    assert run.code == 2
    assert run.errors
    assert run.json["error"]["code"]


def test_an_offer_is_made_and_shown(cast: Cast) -> None:
    run = Run("offer", "mjones", "XP191", "--ticket", "INC-1", "--json")
    assert run.code == 0
    assert "requested" in run.output
    assert "queued" in run.output
    assert run.json["state"] == "queued"
    made = Offer.objects.get()
    assert (made.door, made.ticket) == ("command", "INC-1")


def test_an_offer_for_later_is_held(cast: Cast) -> None:
    run = Run("offer", "mjones", "XP191", "--start-in", "10", "--json")
    assert (run.code, run.json["state"]) == (0, "held")
    offer = Offer.objects.get()
    assert offer.start_at == offer.requested_at + timedelta(minutes=10)
    assert "It starts at" in run.output
    assert Run("offer", "mjones", "XP191", "--start-in", "-1").code == 2


def test_a_refused_offer_exits_1(cast: Cast) -> None:
    run = Run("offer", r"R2\eadams", "XP191", "--wait", "--json")
    assert run.code == 1
    assert run.json["code"] == "helper.not_listed"
    assert "What can be done" in run.output


@pytest.mark.parametrize("arguments", [("nobody", "XP191"), ("mjones", "XP999")])
def test_an_offer_with_an_unknown_name_exits_2(cast: Cast, arguments: tuple[str, ...]) -> None:
    run = Run("offer", *arguments, "--json")
    assert run.code == 2
    assert run.json["error"]["sentence"]


def test_a_broken_database_exits_3_without_a_traceback(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise DatabaseError("connection refused")

    monkeypatch.setattr(offer_command, "offer_request", broken)
    run = Run("offer", "mjones", "XP191")
    assert run.code == 3
    assert "The database does not answer" in run.errors


@pytest.fixture
def at_each_look(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What happens in the world, one act for each time the command looks again."""
    acts: list[Any] = []

    def next_act(_: float) -> None:
        acts.pop(0)(Offer.objects.get())

    monkeypatch.setattr(offer_command.time, "sleep", next_act)
    return acts


def contact(offer: Offer) -> None:
    offer_contact(offer.pk)


def test_waiting_follows_the_offer_to_its_acceptance(
    cast: Cast, novice: ScriptedNovice, at_each_look: list[Any], tmp_path: Path
) -> None:
    file = tmp_path / "bob.msrcIncident"
    at_each_look += [
        contact,
        lambda offer: offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.VIEWED),
    ]
    run = Run(
        *("offer", "mjones", "XP191", "--wait", "--viewer", "freerdp", "--json"),
        *("--save-invitation", str(file)),
    )
    assert run.code == 0
    for state in ("requested", "queued", "contacting", "offered", "answering", "accepted"):
        assert run.output.count(f"  {state} ") == 1
    assert run.json["outcome"] == "accepted"
    assert run.json["grade"] == "stated"
    assert run.json["password"] in run.output
    assert b"UPLOADINFO" in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_declined_offer_exits_1(
    cast: Cast, novice: ScriptedNovice, at_each_look: list[Any]
) -> None:
    at_each_look += [
        contact,
        lambda offer: offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.DECLINED),
    ]
    run = Run("offer", "mjones", "XP191", "--wait", "--json")
    assert run.code == 1
    assert run.json["outcome"] == "declined"


def test_several_sessions_are_listed_and_away_from_a_terminal_the_offer_is_cancelled(
    cast: Cast,
    novice: ScriptedNovice,
    at_each_look: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    novice.sessions = (BOB, CAROL)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    at_each_look += [contact, lambda offer: None]
    run = Run("offer", "mjones", "XP191", "--wait")
    assert run.code == 1
    assert r"1: R2\bsmith" in run.output
    assert "--user" in run.errors
    assert Offer.objects.get().state == "cancelled"


def test_on_a_terminal_the_expert_is_asked_until_she_names_one(
    cast: Cast,
    novice: ScriptedNovice,
    at_each_look: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)
    answers = iter(["", "Carol", "7", "2"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    novice.sessions = (BOB, CAROL)
    at_each_look += [
        contact,
        contact,
        lambda offer: offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.VIEWED),
    ]
    assert Run("offer", "mjones", "XP191", "--wait").code == 0
    assert novice.started == [CAROL]


def test_interrupting_cancels(cast: Cast, novice: ScriptedNovice, at_each_look: list[Any]) -> None:
    def interrupt(_: Offer) -> None:
        raise KeyboardInterrupt

    at_each_look += [contact, interrupt]
    run = Run("offer", "mjones", "XP191", "--wait")
    assert run.code == 1
    assert "cancelled" in run.output
    assert Offer.objects.get().state == "cancelled"


def test_invitation_key_prints_a_key_that_works(db: None) -> None:
    assert Fernet(Run("invitation_key").output.strip())
