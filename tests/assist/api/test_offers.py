"""Programs that offer help."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from assist.actors import Actor
from assist.lifecycle import Mode, State
from assist.models import LogonSessionChoice, Offer
from assist.offers import offer_request
from directory.addresses import UnknownAddress
from tests.assist.api.conftest import Program, require_problem
from tests.assist.cast import Cast

WANTED = {"target": "XP191", "mode": "control"}


def _choosing(program: Program) -> Offer:
    """An offer whose computer has two people at it, as a worker leaves it."""
    offer = Offer.objects.get(pk=program.post("offers", WANTED).document["id"])
    Offer.objects.filter(pk=offer.pk).update(state=State.CHOOSING.value)
    for number, name in ((1, "bsmith"), (2, "cbrown")):
        LogonSessionChoice.objects.create(
            offer=offer, domain_name="R2", user_name=name, session_id=number
        )
    return offer


def test_an_offer_is_made_and_read_again(world: Cast, mary: Program) -> None:
    wanted = WANTED | {"user": "BSmith@R2.local", "ticket": "INC0012345", "reason": "No printer"}
    made = mary.post("offers", wanted)
    assert made.status == 201
    offer = made.document
    assert offer["state"] == "queued"
    assert offer["expert"] == {"name": r"R2\mjones", "sid": world.accounts["mjones"].sid}
    assert offer["computer"] == {"name": "XP191", "id": str(world.computers["XP191"].guid)}
    assert offer["user"] == r"R2\bsmith"
    assert (offer["ticket"], offer["reason"]) == ("INC0012345", "No printer")
    assert offer["decision"]["verdict"] == "allowed"
    assert "Helpdesk Winnipeg" in offer["decision"]["sentence"]
    assert [step["to_state"] for step in offer["transitions"]] == ["requested", "queued"]
    assert made.headers["Location"] == f"/api/v1/offers/{offer['id']}"
    assert Offer.objects.get().door == "api"
    read = mary.get(f"offers/{offer['id']}")
    assert read.status == 200
    assert read.document == offer


def test_a_refused_offer_is_made_too_and_says_why(mary: Program) -> None:
    made = mary.post("offers", {"target": "VAN042", "mode": "control"})
    assert made.status == 201
    offer = made.document
    assert (offer["state"], offer["is_ended"]) == ("refused", True)
    assert offer["decision"]["verdict"] == "refused"
    assert offer["end"]["sentence"]
    assert offer["end"]["remedy"]
    assert "deny" in [finding["effect"] for finding in offer["decision"]["findings"]]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"target": "XP999"}, "target", "unknown_name"),
        ({"target": "XP 191;DROP"}, "target", "invalid_name"),
        ({"target": ""}, "target", None),
        ({"target": "x" * 257}, "target", None),
        ({"target": 191}, "target", None),
        ({"target": None}, "target", None),
        ({"target": "XP191\x00"}, "target", None),
        ({"mode": "both"}, "mode", None),
        ({"mode": ["view"]}, "mode", None),
        ({"mode": {"view": 1}}, "mode", None),
        ({"user": r"R2\nobody"}, "user", "unknown_name"),
        ({"user": 7}, "user", None),
        ({"ticket": "<script>"}, "ticket", None),
        ({"reason": "x" * 501}, "reason", None),
        ({"viewer": "teamviewer"}, "viewer", None),
        ({"veiwer": "windows"}, "veiwer", None),
        ({"": 1}, "", None),
    ],
)
def test_wrong_input_is_refused_with_field_and_remedy(
    mary: Program, changes: dict[str, object], field: str, code: str | None
) -> None:
    answer = mary.post("offers", WANTED | changes)
    require_problem(answer, 400, code or "invalid_input", field)
    assert not Offer.objects.exists()


def test_an_address_outside_the_networks_is_wrong_input(mary: Program) -> None:
    answer = mary.post("offers", WANTED | {"target": "192.0.2.1"})
    require_problem(answer, 400, UnknownAddress.code, "target")


def test_all_fields_at_fault_are_named(mary: Program) -> None:
    problem = mary.post("offers", {"mode": "both", "colour": "red", "ticket": 5}).document
    errors = {item["field"]: item["code"] for item in problem["errors"]}
    assert errors == {
        "target": "required",
        "mode": "invalid_choice",
        "ticket": "invalid",
        "colour": "unknown_field",
    }
    assert all(item["remedy"] for item in problem["errors"])


def test_the_viewer_is_the_one_she_chose_last(world: Cast, mary: Program) -> None:
    assert mary.post("offers", WANTED).document["viewer"] == "windows"
    get_user_model().objects.create(
        sid=world.accounts["mjones"].sid, name=r"R2\mjones", viewer="freerdp"
    )
    assert mary.post("offers", WANTED | {"target": "XP192"}).document["viewer"] == "freerdp"
    wanted = {"target": "VAN042", "mode": "view", "viewer": "windows"}
    assert mary.post("offers", wanted).document["viewer"] == "windows"


def test_an_offer_holds_no_invitation(mary: Program) -> None:
    text = str(mary.post("offers", WANTED).document).lower()
    for secret in ("connection_string", "password", "invitation"):
        assert secret not in text


def test_another_experts_offer_is_not_there(mary: Program, nadia: Program) -> None:
    offer_id = mary.post("offers", WANTED).document["id"]
    answers = [
        nadia.get(f"offers/{offer_id}"),
        nadia.post(f"offers/{offer_id}/cancel"),
        nadia.post(f"offers/{offer_id}/logon-session", {"logon_session_id": 1}),
        nadia.get(f"offers/{uuid.uuid4()}"),
    ]
    problems = [require_problem(answer, 404, "offer_not_found") for answer in answers]
    assert len({problem["detail"] for problem in problems}) == 1
    assert mary.get(f"offers/{offer_id}").document["state"] == "queued"
    assert nadia.get("offers").document["results"] == []


@pytest.mark.parametrize("offer_id", ["1", "not-a-uuid", "%00", "%ff", "x" * 300, "{}", "..%2f"])
def test_an_id_that_is_none_is_not_found(mary: Program, offer_id: str) -> None:
    assert mary.call("GET", f"offers/{offer_id}").status == 404


def test_a_logon_session_is_chosen(mary: Program) -> None:
    offer = _choosing(mary)
    read = mary.get(f"offers/{offer.pk}").document
    assert read["logon_sessions"] == [
        {"id": 1, "user": r"R2\bsmith"},
        {"id": 2, "user": r"R2\cbrown"},
    ]
    chosen = mary.post(f"offers/{offer.pk}/logon-session", {"logon_session_id": 2})
    assert chosen.status == 200
    assert chosen.document["state"] == "contacting"
    assert chosen.document["novice"]["name"] == r"R2\cbrown"
    assert chosen.document["logon_sessions"] == []


@pytest.mark.parametrize("number", [3, -1, 2**31, 2**70, "2", 2.0, True, None, [2]])
def test_only_a_listed_logon_session_can_be_chosen(mary: Program, number: object) -> None:
    offer = _choosing(mary)
    answer = mary.post(f"offers/{offer.pk}/logon-session", {"logon_session_id": number})
    require_problem(answer, 400, "invalid_input", "logon_session_id")
    offer.refresh_from_db()
    assert offer.state == State.CHOOSING


def test_nothing_is_chosen_where_nothing_is_asked(mary: Program) -> None:
    offer_id = mary.post("offers", WANTED).document["id"]
    answer = mary.post(f"offers/{offer_id}/logon-session", {"logon_session_id": 1})
    require_problem(answer, 409, "offer_conflict")


@pytest.mark.parametrize("body", [None, {}])
def test_an_offer_is_cancelled_once(mary: Program, body: object) -> None:
    offer_id = mary.post("offers", WANTED).document["id"]
    cancelled = mary.post(f"offers/{offer_id}/cancel", body)
    assert cancelled.status == 200
    assert cancelled.document["state"] == "cancelled"
    require_problem(mary.post(f"offers/{offer_id}/cancel"), 409, "offer_conflict")


def test_cancelling_takes_no_fields(mary: Program) -> None:
    offer_id = mary.post("offers", WANTED).document["id"]
    answer = mary.post(f"offers/{offer_id}/cancel", {"reason": "x"})
    require_problem(answer, 400, "invalid_input", "reason")
    assert mary.get(f"offers/{offer_id}").document["state"] == "queued"


def test_a_list_is_paged_without_gaps_or_repeats(world: Cast, mary: Program) -> None:
    actor = Actor.of_account(world.accounts["mjones"])
    now = timezone.now()
    for _ in range(7):  # at one and the same time: the cursor must not lose any
        offer_request(
            actor=actor, target="VAN042", mode=Mode.CONTROL, viewer="windows", door="api", now=now
        )
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = mary.get("offers", limit="3", **cursor).document
        seen += [offer["id"] for offer in page["results"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(seen) == len(set(seen)) == 7
    assert mary.get("offers", state="refused", limit="200").document["next_cursor"] is None
    assert mary.get("offers", state="queued").document["results"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cursor", "nonsense"),
        ("cursor", "\u00e9"),
        ("cursor", "MjAyNnx4"),
        (
            "cursor",
            "MDAwMS0wMS0wMVQwMDowMCsxMjowMHw2ZjFkM2E1Mi05M2YwLTRjMGUtOGEwYi0xYzJkM2U0ZjVhNmI=",
        ),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "many"),
        ("state", "asleep"),
        ("expert", r"R2\nkhan"),
    ],
)
def test_a_wrong_query_is_refused_with_field_and_remedy(
    mary: Program, name: str, value: str
) -> None:
    require_problem(mary.get("offers", **{name: value}), 400, "invalid_input", name)


def test_a_parameter_counts_once(mary: Program) -> None:
    answer = mary.call("GET", "offers?limit=1&limit=2")
    require_problem(answer, 400, "invalid_input", "limit")


def test_an_expert_explains_her_own_offers(world: Cast, mary: Program) -> None:
    for name in (None, r"r2.local\MJONES", "mjones@r2.local", "mjones"):
        query = {"expert": name} if name else {}
        answer = mary.get("eligibility", computer="xp191", mode="control", **query)
        assert answer.status == 200, answer.document
        assert answer.document["verdict"] == "allowed"
        assert answer.document["expert"]["id"] == world.accounts["mjones"].sid
    refused = mary.get("eligibility", computer="VAN042", mode="control").document
    assert refused["verdict"] == "refused"
    assert not Offer.objects.exists()


@pytest.mark.parametrize("name", [r"R2\nkhan", r"R2\nobody", "", "a\\b\\c"])
def test_an_expert_explains_nobody_elses(mary: Program, name: str) -> None:
    answer = mary.get("eligibility", computer="XP191", expert=name)
    if name:
        require_problem(answer, 403, "not_allowed")
    else:
        require_problem(answer, 400, "invalid_input", "expert")


def test_an_unknown_computer_is_wrong_input(mary: Program) -> None:
    require_problem(mary.get("eligibility", computer="XP999"), 400, "unknown_name", "computer")
    require_problem(mary.get("eligibility"), 400, "invalid_input", "computer")


def test_a_manager_who_is_an_expert_reads_every_offer_and_acts_on_none(
    world: Cast, mary: Program, nadia: Program
) -> None:
    world.join(world.groups["Remote Assistance Managers"], world.accounts["nkhan"])
    offer_id = mary.post("offers", WANTED).document["id"]
    assert nadia.get(f"offers/{offer_id}").status == 200
    assert [offer["id"] for offer in nadia.get("offers").document["results"]] == [offer_id]
    require_problem(nadia.post(f"offers/{offer_id}/cancel"), 404, "offer_not_found")
