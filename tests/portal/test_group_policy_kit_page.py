"""The Group Policy kit's page and command."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from assist.models import AuditEvent
from directory.grouppolicy.kit import KitChoice, kit_values
from directory.grouppolicy.registry_pol import parse_registry_policy
from tests.assist.cast import Cast
from tests.portal.conftest import SignedIn

pytestmark = pytest.mark.django_db

URL = "/group-policy-kit"
GROUP = r"R2\Helpdesk Winnipeg"
FORM = {
    "name": "Offers in Winnipeg",
    "mode": "view",
    "helpers": "helpdesk winnipeg\n",
    "generations": ["vista"],
    "profiles": ["domain"],
    "session_logging": "",
}


def test_it_is_for_managers(signed_in: SignedIn) -> None:
    assert signed_in("mjones").get(URL).status_code == 403
    assert signed_in("tmanager").get(URL).status_code == 200


def test_what_is_chosen_is_shown_before_it_is_taken(signed_in: SignedIn) -> None:
    page = signed_in("tmanager").post(URL, FORM).content.decode()
    assert GROUP in page
    assert "only view the computer" in page
    assert not AuditEvent.objects.filter(kind="group_policy_kit.taken").exists()


def test_taking_it_along_is_recorded(signed_in: SignedIn) -> None:
    form = FORM | {"session_logging": "on", "event_log": "on", "view_message": "May we look?"}
    answer = signed_in("tmanager").post(URL, form | {"take": "yes"})
    assert answer["Content-Disposition"] == 'attachment; filename="offers-in-winnipeg.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        policy = archive.read("Registry.pol")
    choice = KitChoice(
        name="Offers in Winnipeg",
        control=False,
        helpers=(GROUP,),
        session_logging=True,
        view_message="May we look?",
        event_log=True,
    )
    wanted = kit_values(choice)
    assert parse_registry_policy(policy) == wanted
    event = AuditEvent.objects.get(kind="group_policy_kit.taken")
    assert event.subject_name == FORM["name"]
    assert event.data == {
        "form": "zip",
        "control": False,
        "helpers": [GROUP],
        "profiles": ["domain"],
        "generations": ["vista"],
        "event_log": True,
        "session_logging": True,
        "view_message": "May we look?",
        "control_message": "",
    }


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"helpers": "nobody-knows"}, "helpers", "nobody-knows"),
        ({"helpers": ""}, "helpers", "Name at least one group"),
        ({"generations": []}, "generations", "required"),
        ({"compare_with": "no such policy"}, "compare_with", "No policy has the name"),
        ({"view_message": "a\tb"}, "view_message", "line breaks"),
    ],
)
def test_bad_input_is_said_at_its_field(
    signed_in: SignedIn, change: dict[str, object], field: str, said: str
) -> None:
    answer = signed_in("tmanager").post(URL, FORM | change)
    assert answer.status_code == 422
    (error,) = answer.context["form"].errors[field]
    assert said in error


def test_a_live_policy_is_compared(signed_in: SignedIn, cast: Cast) -> None:
    cast.policy.control_allowed = True
    cast.policy.save()
    page = signed_in("tmanager").post(URL, FORM | {"compare_with": str(cast.policy)})
    codes = {item.code for item in page.context["differences"]}
    assert "control" in codes


def test_the_command_writes_a_folder_once(cast: Cast, tmp_path: Path) -> None:
    target = tmp_path / "kit"
    arguments = ["--helper", GROUP, "--control", "--output", str(target)]
    call_command("group_policy_kit", *arguments)
    wanted = kit_values(KitChoice(name="Offer Remote Assistance", control=True, helpers=(GROUP,)))
    assert parse_registry_policy((target / "Registry.pol").read_bytes()) == wanted
    assert (target / "backup" / "manifest.xml").exists()
    with pytest.raises(CommandError) as refused:
        call_command("group_policy_kit", *arguments)
    assert refused.value.returncode == 2
    event = AuditEvent.objects.get(kind="group_policy_kit.taken")  # the refused one left no trace
    assert (event.data["form"], event.data["control"]) == ("folder", True)
    assert event.actor_name.endswith(" at the console")


@pytest.mark.usefixtures("cast")
def test_the_command_writes_an_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "kit.zip"
    call_command("group_policy_kit", "--helper", GROUP, "--view", "--output", str(target), "--json")
    listed = json.loads(capsys.readouterr().out.splitlines()[-1])
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == listed["files"]


def test_the_command_compares(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--helper", GROUP, "--view", "--compare-with", str(cast.policy), "--json"]
    with pytest.raises(CommandError) as differs:
        call_command("group_policy_kit", *arguments)
    assert differs.value.returncode == 1
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["policy"] == str(cast.policy)
    assert answer["differences"]


@pytest.mark.usefixtures("cast")
@pytest.mark.parametrize("helper", ["nobody-knows", "a\x00b"])
def test_the_command_refuses_helpers_that_nobody_knows(helper: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        call_command(
            "group_policy_kit", "--helper", helper, "--view", "--output", str(tmp_path / "kit")
        )
    assert refused.value.returncode == 2
    assert not (tmp_path / "kit").exists()
