"""Computers that answer wrongly at any step: every offer ends cleanly, in time and in bounds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from assist.remote_assistance import contact
from assist.remote_assistance.client import (
    CallLimits,
    KeytabCredential,
    Means,
    NoviceTarget,
    list_logon_sessions,
    start_remote_assistance,
)
from tests.assist.remote_assistance import fuzzed_novices, fuzzed_ntlm
from tests.assist.remote_assistance.fuzzed_novices import (
    BOB,
    LIMITS,
    MOST_SECONDS,
    NEWER_STEPS,
    OLDER_STEPS,
    FuzzedComputer,
    Mutation,
    offer,
)
from tests.assist.remote_assistance.scripted_computer import ADDRESS, SCM
from tests.environment import ROOT, sample_size

MOST_MEMORY_MB = 300


def test_offers_at_mutated_computers_end_cleanly_in_time_and_in_little_memory() -> None:
    count = sample_size(500, soak=10_000)
    finished = subprocess.run(
        [sys.executable, "-m", "tests.assist.remote_assistance.fuzzed_novices"]
        + ["--count", str(count), "--seed", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120 + count,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-4000:]
    result = json.loads(finished.stdout.splitlines()[-1])
    assert result["escaped"] == []
    assert result["offers"] == count
    assert result["slowest_seconds"] < MOST_SECONDS
    assert result["peak_rss_mb"] < MOST_MEMORY_MB
    steps = {"bind", *fuzzed_ntlm.STEPS} | {name for name, _, _ in (*NEWER_STEPS, *OLDER_STEPS)}
    assert set(result["steps"]) == steps
    # The mutations reach past the first step, and are not all noticed as one and the same.
    assert {"offered", "bad_answer", "timed_out", "unreachable"} <= set(result["ends"])
    assert len(result["ends"]) >= 6


@pytest.mark.parametrize("seed", [1_000_150, 1_000_154, 1_000_188])
def test_a_token_that_impacket_cannot_read_is_an_error_of_the_client(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by mutation: impacket raises a bare Exception, also while the object is released."""
    monkeypatch.setattr(fuzzed_novices.contact, "service_ticket", fuzzed_novices._ticket)
    # Nothing here is silent; a machine that stands still for a moment must not look so.
    monkeypatch.setattr(fuzzed_novices, "LIMITS", CallLimits(5, 5, 15))
    result = offer(seed)
    assert (result.step, result.escaped) == ("bind", "")
    assert result.end in ("bad_answer", "authentication_failed")


@pytest.mark.parametrize("older", [False, True])
def test_without_a_mutation_the_computer_is_offered_help(
    older: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the mutations would prove nothing."""
    computer = FuzzedComputer(Mutation(1, older, "none", (SCM, 99)))
    monkeypatch.setattr(contact, "service_ticket", lambda *_: computer.ticket())
    target = NoviceTarget("xp191.r2.local", ADDRESS, computer.port)
    credential = KeytabCredential("svc-ra-portal@R2.LOCAL", "none")
    means = Means()
    try:
        sessions = list_logon_sessions(target, credential, LIMITS, means)
        assert set(sessions) == {BOB}
        assert means.interface == ("IPCHService" if older else "IRASrv")
        assert start_remote_assistance(target, credential, BOB, LIMITS, means)
    finally:
        computer.close()
