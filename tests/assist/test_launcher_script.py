"""The launcher's files, read: there is no Windows here to run them on."""

from __future__ import annotations

import base64
import re
import uuid
from datetime import timedelta

import pytest
from django.core.management import call_command
from pytest_django import Settings

from assist.launch_links import launch_link, new_signing_key, public_key_blob
from assist.launcher import REGISTRATION_NAME, SCRIPT_NAME, launcher_files
from tests.assist.cast import NOW

TOKEN = "kJ4w0m8eX1hQv3nR7sT2yU5zA9bC6dE0fG-iLoPqWxY"
OFFER = "0b7d9c6e-4d0a-4f57-9a52-5b1c2d3e4f50"


@pytest.fixture(autouse=True)
def _configured(settings: Settings) -> None:
    settings.LAUNCH_SIGNING_KEY = new_signing_key()
    settings.PORTAL_URL = "https://portal.r2.local"


@pytest.fixture
def script() -> str:
    return launcher_files()[SCRIPT_NAME].decode("ascii")


def code_of(script: str) -> str:
    """The script without comments and without what its strings hold."""
    script = re.sub(r"<#.*?#>", "", script, flags=re.DOTALL)
    script = re.sub(r"'(?:[^']|'')*'", "''", script)
    return re.sub(r"#[^\n]*", "", script)


def form_of(script: str, name: str) -> re.Pattern[str]:
    """A regular expression of the script; .NET writes named groups otherwise."""
    found = re.search(rf"^\${name} = '((?:[^']|'')*)'", script, re.MULTILINE)
    assert found
    text = found[1].replace("(?<", "(?P<").replace(r"\z", r"\Z")
    return re.compile(text)


def test_the_script_is_for_this_portal_and_holds_its_public_key(script: str) -> None:
    assert "$Portal = 'https://portal.r2.local'" in script
    assert f"$PublicKey = '{base64.b64encode(public_key_blob()).decode()}'" in script
    assert "@" + "PORTAL" not in script
    assert "PRIVATE" not in script


def test_an_address_cannot_break_out_of_its_string(settings: Settings) -> None:
    settings.PORTAL_URL = "https://portal'; calc; '"
    assert "$Portal = 'https://portal''; calc; '''" in launcher_files()[SCRIPT_NAME].decode()


def test_every_line_ends_as_windows_wants_it(script: str) -> None:
    assert script.count("\n") == script.count("\r\n") > 100


@pytest.mark.parametrize(
    "word",
    [
        *("Invoke-Expression", "iex", "Invoke-Command", "cmd", "EncodedCommand", "Bypass"),
        *("DownloadString", "WebClient", "ServerCertificateValidationCallback", "ScriptBlock"),
        *("SkipCertificateCheck", "AllowInsecureRedirect", "http:", "ExpandString"),
    ],
)
def test_the_script_has_nothing_by_which_text_becomes_code(script: str, word: str) -> None:
    assert not re.search(rf"(?<![\w-]){re.escape(word)}(?!\w)", code_of(script), re.IGNORECASE)


def test_nothing_is_called_by_a_variable_and_no_string_is_expanded(script: str) -> None:
    code = code_of(script)
    assert not re.search(r"(^|[=({;|\n])\s*[&.]\s*[$(\"']", code), "the call operator"
    assert '"' not in code, "only strings that PowerShell takes as they are"
    assert "`" not in code


def test_brackets_close_in_their_order(script: str) -> None:
    waiting: list[str] = []
    for character in code_of(script):
        if character in "([{":
            waiting.append({"(": ")", "[": "]", "{": "}"}[character])
        elif character in ")]}":
            assert waiting
            assert waiting.pop() == character
    assert not waiting


def test_remote_assistance_is_started_once_with_a_list_and_the_confirmed_computer(
    script: str,
) -> None:
    assert re.findall(r"Start-Process[^\n]*", script) == [
        "Start-Process -FilePath $program -ArgumentList @('/offerra', $computer) -PassThru\r"
    ]
    computer = script.index("$computer = [string] $confirmed.computer")
    checked = script.index("$computer -cnotmatch $ComputerForm")
    compared = script.index("$computer -cne $parts['computer']")
    assert computer < checked < compared < script.index("Start-Process")


def test_a_signature_is_verified_before_anything_is_sent(script: str) -> None:
    main = script[script.index("if ($Link -cnotmatch") :]
    assert main.index("Test-Signature") < main.index("Send-Portal")
    assert "-MaximumRedirection 0" in script
    assert "Tls12" in script


def test_the_form_of_links_is_that_of_the_portals_links(script: str) -> None:
    form = form_of(script, "LinkForm")
    link = launch_link(uuid.UUID(OFFER), "xp191.r2.local", TOKEN, NOW + timedelta(minutes=2))
    found = form.search(link)
    assert found
    assert (found["offer"], found["computer"], found["token"]) == (OFFER, "xp191.r2.local", TOKEN)
    assert link.partition("?")[2].startswith(found["signed"] + "&signature=")
    for wrong in (f" {link}", f"{link}\n", link.upper(), link + "&x=1", link.replace("v=1", "v=2")):
        assert not form.search(wrong), wrong


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("xp191.r2.local", True), ("XP191", True), ("a-b.c", True)),
        *(("xp191 /x", False), ("-x", False), ("a..b", False), ("a_b", False), ("a\n", False)),
    ],
)
def test_the_form_of_computers_is_that_of_the_portal(
    script: str, name: str, expected: bool
) -> None:
    assert bool(form_of(script, "ComputerForm").search(name)) is expected


def test_the_registration_starts_the_script_with_the_link_as_one_argument() -> None:
    text = launcher_files()[REGISTRATION_NAME].decode("utf-16")
    assert text.startswith("Windows Registry Editor Version 5.00\r\n")
    assert '"URL Protocol"=""' in text
    found = re.search(r"@=hex\(2\):([0-9a-f,]+)\r\n", text)
    assert found
    command = bytes.fromhex(found[1].replace(",", "")).decode("utf-16-le")
    assert command.endswith('Start-OfferedAssistance.ps1" "%1"\0')
    assert "-NoProfile -NonInteractive -ExecutionPolicy RemoteSigned" in command
    assert command.count("-File ") == 1


def test_the_command_prints_a_key_that_can_be_used(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("launch_key")
    settings.LAUNCH_SIGNING_KEY = capsys.readouterr().out
    assert len(public_key_blob()) == 72
