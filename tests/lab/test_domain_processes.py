"""The lab comes up and goes down from whatever state a crash left it in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import processes, world
from lab.errors import LabError
from lab.paths import LabPaths
from tests.environment import ROOT

# Read as the plain account that the portal uses; Samba passes it through the path unprivileged.
READ_SYSVOL = (
    f"smbclient -U '{world.DIRECTORY_ACCOUNT}%{world.DIRECTORY_ACCOUNT_PASSWORD}' "
    f"//{world.CONTROLLER_ADDRESS}/sysvol -c 'get "
    r'"r2.local\Policies\{31B2F340-016D-11D2-945F-00C04FB984F9}\GPT.INI" -'
    "'"
)
# A parent with a child in its own session and one that left it, as daemons do.
FAMILY = "sleep 300 & setsid sleep 300 & echo started > {0}; wait"


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[LabPaths]:
    paths = LabPaths(tmp_path)
    paths.make()
    yield paths
    processes.stop(paths, "family", seconds=1)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "not within ten seconds"
        time.sleep(0.02)


def _start_family(paths: LabPaths) -> int:
    started = paths.root / "started"
    command = ["sh", "-c", FAMILY.format(started)]
    processes.start(paths, "family", command, dict(os.environ))
    _until(lambda: started.exists() and len(_living(paths)) == 3)
    return int((paths.pids / "family.pid").read_text().split()[0])


def _living(paths: LabPaths) -> list[int]:
    """Processes that carry this lab's mark, found without the code under test."""
    mark = f"{paths.root}:family".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def test_stopping_ends_children_that_left_the_session(paths: LabPaths) -> None:
    _start_family(paths)
    assert processes.runs(paths, "family")
    processes.stop(paths, "family")
    assert _living(paths) == []
    assert not processes.runs(paths, "family")


def test_stopping_ends_what_a_killed_process_left_behind(paths: LabPaths) -> None:
    os.kill(_start_family(paths), signal.SIGKILL)
    _until(lambda: not processes.runs(paths, "family"))
    assert len(_living(paths)) == 2
    processes.stop(paths, "family")
    assert _living(paths) == []


def test_stopping_ends_them_without_a_pid_file(paths: LabPaths) -> None:
    _start_family(paths)
    (paths.pids / "family.pid").unlink()
    processes.stop(paths, "family")
    assert _living(paths) == []


def test_a_pid_that_another_process_has_by_now_is_left_alone(paths: LabPaths) -> None:
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as stranger:
        (paths.pids / "family.pid").write_text(f"{stranger.pid} 1")
        assert not processes.runs(paths, "family")
        processes.stop(paths, "family")
        assert stranger.poll() is None
        stranger.kill()


def test_stopping_everything_knows_no_names(paths: LabPaths) -> None:
    _start_family(paths)
    processes.stop_all(paths)
    assert _living(paths) == []


def test_a_killed_family_leaves_nobody_behind(paths: LabPaths) -> None:
    _start_family(paths)
    processes.kill(paths, "family")
    assert _living(paths) == []
    assert not processes.runs(paths, "family")


@pytest.mark.parametrize("content", ["", "nonsense", "12 13 14"])
def test_a_broken_pid_file_means_nothing_runs(paths: LabPaths, content: str) -> None:
    (paths.pids / "family.pid").write_text(content)
    assert not processes.runs(paths, "family")


def test_waiting_ends_when_the_process_does(paths: LabPaths) -> None:
    processes.start(paths, "family", ["false"], dict(os.environ))
    with pytest.raises(LabError, match="family ended"):
        processes.wait_until(lambda: False, "the family", paths, "family")


def _lab(paths: LabPaths, script: str) -> subprocess.CompletedProcess[str]:
    """Runs shell lines in a network of their own, where the lab's addresses are free.

    A line that fails ends it, and the lab with it.
    """
    down = "trap '\"$PYTHON\" -m lab down >/dev/null' EXIT"
    return subprocess.run(
        ["unshare", "--net", "sh", "-ec", f"{down}; ip link set lo up; {script}"],
        cwd=ROOT,
        env=os.environ | {"LAB_DIR": str(paths.root), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.lab
def test_a_half_made_domain_is_made_anew_and_a_crashed_one_restarted(paths: LabPaths) -> None:
    paths.root.chmod(0o700)  # as home directories are
    paths.smb_conf.parent.mkdir(parents=True)
    paths.smb_conf.write_text("half a file")
    lab = '"$PYTHON" -m lab'
    kill = f"kill -9 $(cut -d' ' -f1 {paths.pids}/samba-dc1.pid)"
    done = _lab(
        paths,
        f"{lab} up --domain-only; {lab} status --domain-only; {READ_SYSVOL}; {kill};"
        f"{lab} up --domain-only; {lab} status --domain-only; {lab} down; ss -ltnH;"
        f"! {lab} status --domain-only",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("domains r2.local and contoso.test made") == 1
    assert done.stdout.count("domain controller dc1 answers") == 2
    assert done.stdout.count("domain controller contoso-dc1 answers") == 1
    assert done.stdout.count("up    domain controller") == 4
    assert done.stdout.count("down  domain controller") == 2
    assert "LISTEN" not in done.stdout
    assert "[General]" in done.stdout


@pytest.mark.lab
def test_a_second_lab_at_the_same_address_says_what_is_wrong(paths: LabPaths) -> None:
    stranger = '"$PYTHON" -c \'import socket, time; s = socket.create_server(("127.0.10.1", 389));'
    done = _lab(
        paths, f'{stranger} time.sleep(60)\' & "$PYTHON" -m lab up --domain-only || kill $!'
    )
    assert "Something else listens at 127.0.10.1, ports [389]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("computer", "answer"), [("xp191", "decline"), ("WPG-W11-02", "ignore")])
def test_an_answer_is_scripted_and_taken_back(paths: LabPaths, computer: str, answer: str) -> None:
    file = paths.answers / f"{computer.upper()}.json"
    for text, exists in ((answer, True), ("reset", False)):
        subprocess.run(
            [sys.executable, "-m", "lab", "answer", computer, text],
            cwd=ROOT,
            env=os.environ | {"LAB_DIR": str(paths.root)},
            check=True,
            capture_output=True,
        )
        assert file.exists() is exists
        if exists:
            assert f'"{answer}"' in file.read_text()


def test_an_answer_for_a_computer_without_anybody_is_refused(paths: LabPaths) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lab", "answer", "WPG-OFF-09", "accept"],
        cwd=ROOT,
        env=os.environ | {"LAB_DIR": str(paths.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Nobody sits at WPG-OFF-09" in done.stderr
