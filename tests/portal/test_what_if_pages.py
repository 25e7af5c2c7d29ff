"""The pages of what-ifs: who asks, what is refused and how, and how the answer comes."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from assist.models import AuditEvent, WhatIf
from assist.what_ifs import what_if_work
from tests.assist.cast import Cast
from tests.portal.conftest import SignedIn

pytestmark = pytest.mark.django_db

URL = "/what-if"
ADD_EVE = {"kind": "helper_added", "policy": "winnipeggpo", "who": "eadams"}
Sent = list[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What would go to the workers."""
    found: Sent = []
    monkeypatch.setattr(
        "assist.enqueue._send", lambda name, *args, **_: found.append((name, *args))
    )
    monkeypatch.setattr("django.db.transaction.on_commit", lambda act: act())
    return found


@pytest.fixture
def manager(signed_in: SignedIn, cast: Cast) -> Client:
    cast.domain.synced_at = timezone.now()
    cast.domain.save()
    return signed_in("tmanager")


@pytest.mark.parametrize("person", ["mjones", "aauditor", "bsmith"])
def test_it_is_for_managers_and_operators(
    signed_in: SignedIn, manager: Client, person: str
) -> None:
    manager.post(URL, ADD_EVE)
    asked = WhatIf.objects.get()
    client = signed_in(person)
    assert client.get(URL).status_code == 403
    assert client.post(URL, ADD_EVE).status_code == 403
    for path in ("", "/live"):
        assert client.get(f"{URL}/{asked.pk}{path}").status_code == 403, path
    assert client.post(f"{URL}/{asked.pk}/cancel").status_code == 403
    assert URL not in client.get("/preferences").content.decode()
    asked.refresh_from_db()
    assert (asked.is_running, WhatIf.objects.count()) == (True, 1)
    assert signed_in("ooperator").get(URL).status_code == 200


def test_a_question_is_queued_recorded_answered_and_shown(manager: Client, sent: Sent) -> None:
    answer = manager.post(URL, ADD_EVE)
    asked = WhatIf.objects.get()
    assert answer["Location"] == f"{URL}/{asked.pk}"
    assert sent == [("assist.answer_what_if", str(asked.pk))]
    sentence = r"R2\eadams is added to the helper list of WinnipegGPO"
    event = AuditEvent.objects.get(kind="what_if.asked")
    assert (event.actor_name, event.data) == (r"R2\tmanager", {"changes": [sentence]})
    page = manager.get(f"{URL}/{asked.pk}").content.decode()
    assert "Waiting for a worker" in page
    version = page.split("?seen=")[1].split('"')[0]
    assert manager.get(f"{URL}/{asked.pk}/live?seen={version}").status_code == 204
    what_if_work(asked.pk)
    live = manager.get(f"{URL}/{asked.pk}/live?seen={version}")
    assert live.status_code == 286
    part = live.content.decode()
    assert '<tr data-side="gained-control"><th scope="row">Control gained</th><td>1</td>' in part
    assert "OU=Winnipeg,DC=r2,DC=local" in part
    assert r"R2\eadams on XP191" in part
    assert "helper.not_listed" in part
    assert "hx-get" not in part
    assert sentence in manager.get(URL).content.decode()


def test_that_nothing_changes_is_said(manager: Client) -> None:
    manager.post(URL, ADD_EVE | {"who": "Helpdesk Winnipeg"})
    what_if_work(WhatIf.objects.get().pk)
    page = manager.get(f"{URL}/{WhatIf.objects.get().pk}").content.decode()
    assert "Nobody would gain or lose" in page
    assert "Too old" not in page


def test_a_picture_too_old_for_offers_is_said(manager: Client, cast: Cast) -> None:
    cast.domain.synced_at = timezone.now() - timedelta(days=30)
    cast.domain.save()
    manager.post(URL, ADD_EVE)
    asked = WhatIf.objects.get()
    what_if_work(asked.pk)
    assert "Too old for any offer: what is known of r2.local" in (
        manager.get(f"{URL}/{asked.pk}").content.decode()
    )


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        (ADD_EVE | {"policy": ""}, "policy", "Fill in: Policy."),
        (ADD_EVE | {"policy": "NoSuchGPO"}, "policy", "no Group Policy object NoSuchGPO. Write"),
        (ADD_EVE | {"who": "nobody-knows"}, "who", "nobody-knows. Check the spelling"),
        (ADD_EVE | {"who": "a" * 2000}, "who", "at most 1024"),
        (ADD_EVE | {"kind": "helper_removed"}, "who", "does not name R2\\eadams. It names: R2"),
        ({"kind": "member_added", "group": "nowhere", "who": "eadams"}, "group", "nowhere"),
        ({"kind": "inheritance_blocked", "unit": "Winnipeg"}, "unit", "distinguished name"),
        (
            {"kind": "policy_linked", "policy": "WinnipegGPO", "container": "x.test"},
            "container",
            "x.test",
        ),
        (
            {"kind": "policy_unlinked", "policy": "WinnipegGPO", "container": "r2.local"},
            "container",
            "is not linked to",
        ),
        (
            {"kind": "trust_removed", "trusting": "r2.local", "trusted": "x.test"},
            "trusted",
            "no trust between r2.local and x.test",
        ),
        ({"kind": "trust_one_way", "trusting": "x", "trusted": "y"}, "trusting", "no domain x"),
        (ADD_EVE | {"kind": "odd"}, "kind", "odd"),
        ({}, "kind", "Choose a change."),
    ],
)
def test_bad_input_is_said_at_its_field_and_nothing_typed_is_lost(
    manager: Client, sent: Sent, typed: dict[str, str], field: str, said: str
) -> None:
    before = json.dumps(
        {"kind": "inheritance_blocked", "names": {"unit": "ou=winnipeg,dc=r2,dc=local"}}
    )
    answer = manager.post(URL, typed | {"change": before, "add": "yes"})
    assert answer.status_code == 422
    (error,) = answer.context["form"].errors[field]
    assert said in error
    page = answer.content.decode()
    assert all(
        f'value="{value}"' in page for name, value in typed.items() if name != "kind" and value
    )
    assert [sentence for sentence, _ in answer.context["changes"]] == [
        "OU=Winnipeg blocks inheritance"
    ]
    assert (sent, WhatIf.objects.count()) == ([], 0)


def test_several_changes_are_named_one_after_the_other_and_asked_together(manager: Client) -> None:
    first = manager.post(URL, ADD_EVE | {"add": "yes"})
    ((sentence, text),) = first.context["changes"]
    assert sentence == r"R2\eadams is added to the helper list of WinnipegGPO"
    second = {"kind": "helper_removed", "policy": "WinnipegGPO", "who": "Helpdesk Winnipeg"}
    manager.post(URL, second | {"change": text})
    asked = WhatIf.objects.get()
    assert len(asked.sentences) == 2
    what_if_work(asked.pk)
    asked.refresh_from_db()
    assert asked.result["gained"]["view"]["first_experts"] == [
        {"name": r"R2\eadams", "computers": 1}
    ]
    assert asked.result["lost"]["view"]["experts"] == 2


def test_a_change_named_before_is_asked_alone_or_left_out(manager: Client) -> None:
    text = manager.post(URL, ADD_EVE | {"add": "yes"}).context["changes"][0][1]
    left = manager.post(URL, ADD_EVE | {"policy": "half-typed", "change": text, "remove": "0"})
    assert (left.status_code, left.context["changes"]) == (200, [])
    assert 'value="half-typed"' in left.content.decode()
    manager.post(URL, {"kind": "helper_added", "policy": "", "who": "", "change": text})
    assert len(WhatIf.objects.get().sentences) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[" * 100_000,
        '{"kind": "helper_added", "names": {"policy": "x"}}',
        '{"kind": "odd", "names": {}}',
        '{"kind": ["x"], "names": []}',
        '{"kind": "inheritance_blocked", "names": {"unit": "\\u0000"}}',
        '{"kind": "inheritance_blocked", "names": {"unit": "\\ud800"}}',
        '{"kind": "inheritance_blocked", "names": {"unit": 7}}',
    ],
)
def test_a_change_that_the_form_did_not_give_is_refused(manager: Client, text: str) -> None:
    answer = manager.post(URL, ADD_EVE | {"change": text})
    assert answer.status_code == 422
    assert "cannot be read" in answer.content.decode()
    assert 'value="eadams"' in answer.content.decode()


def test_more_changes_than_are_taken_are_refused(manager: Client) -> None:
    text = manager.post(URL, ADD_EVE | {"add": "yes"}).context["changes"][0][1]
    for more in ({}, {"add": "yes"}):
        answer = manager.post(URL, ADD_EVE | {"change": [text] * 10} | more)
        assert (answer.status_code, "10 at most" in answer.content.decode()) == (422, True)
    assert not WhatIf.objects.exists()


def test_a_person_has_one_question_at_a_time(manager: Client, signed_in: SignedIn) -> None:
    manager.post(URL, ADD_EVE)
    answer = manager.post(URL, ADD_EVE)
    assert (answer.status_code, "has not ended" in answer.content.decode()) == (422, True)
    assert signed_in("ooperator").post(URL, ADD_EVE).status_code == 302
    mine = WhatIf.objects.get(requested_by=r"R2\tmanager")
    manager.post(f"{URL}/{mine.pk}/cancel")
    assert "Cancelled" in manager.get(f"{URL}/{mine.pk}").content.decode()
    assert manager.get(f"{URL}/{mine.pk}/live").status_code == 286
    assert AuditEvent.objects.filter(kind="what_if.cancelled").count() == 1
    assert manager.post(URL, ADD_EVE).status_code == 302


def test_that_no_worker_takes_it_is_said(manager: Client) -> None:
    manager.post(URL, ADD_EVE)
    WhatIf.objects.update(requested_at=timezone.now() - timedelta(minutes=2))
    page = manager.get(f"{URL}/{WhatIf.objects.get().pk}").content.decode()
    assert "No worker has taken it for a minute" in page


def test_a_question_that_is_not_there_is_not_found(manager: Client) -> None:
    for path in ("", "/live"):
        assert manager.get(f"{URL}/{uuid.uuid4()}{path}").status_code == 404


def test_what_directories_hold_is_escaped(manager: Client, cast: Cast) -> None:
    cast.policy.display_name = "<b>GPO</b>"
    cast.policy.save()
    manager.post(URL, ADD_EVE | {"policy": "<b>GPO</b>"})
    asked = WhatIf.objects.get()
    what_if_work(asked.pk)
    for path in (URL, f"{URL}/{asked.pk}"):
        page = manager.get(path).content.decode()
        assert "&lt;b&gt;GPO" in page
        assert "<b>GPO" not in page


@pytest.mark.parametrize(("path", "queries"), [(URL, 9), (f"{URL}/%s", 7), (f"{URL}/%s/live", 7)])
def test_a_page_asks_the_database_no_more_than_it_did(
    manager: Client,
    signed_in: SignedIn,
    django_assert_max_num_queries: Any,
    path: str,
    queries: int,
) -> None:
    for client in (manager, signed_in("ooperator")):
        client.post(URL, ADD_EVE)
    asked = WhatIf.objects.get(requested_by=r"R2\tmanager")
    what_if_work(asked.pk)
    path = path.replace("%s", str(asked.pk))
    manager.get(path)
    with django_assert_max_num_queries(queries):
        assert manager.get(path).status_code in (200, 286)


def test_its_tasks_are_scheduled() -> None:
    tasks = [entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    assert "assist.continue_what_ifs" in tasks
