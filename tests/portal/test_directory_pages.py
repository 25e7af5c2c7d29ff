"""The operator's pages of the directory: what they show, to whom, and what is recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assist.models import AuditEvent
from directory.alerts import alerts
from directory.models import Account, Computer, Domain, Group, SyncProblem, SyncRun
from tests.assist.cast import Cast
from tests.environment import DOMAIN
from tests.portal.conftest import SignedIn

pytestmark = pytest.mark.django_db

OPERATOR = "ooperator"
State, Kind = SyncRun.State, SyncRun.Kind


@pytest.fixture
def operator(cast: Cast, signed_in: SignedIn) -> Client:
    cast.domain.synced_at = timezone.now()
    cast.domain.save()
    return signed_in(OPERATOR)


def run(state: str = State.SUCCEEDED, **columns: Any) -> SyncRun:
    now = timezone.now()
    defaults = {
        "domain_dns_name": DOMAIN,
        "state": state,
        "started_at": now - timedelta(seconds=20),
        "heartbeat_at": now,
        "finished_at": None if state == State.RUNNING else now,
    }
    return SyncRun.objects.create(**(defaults | columns))


def codes() -> list[str]:
    return [alert.code for alert in alerts(timezone.now())]


@pytest.mark.parametrize("person", ["mjones", "tmanager", "aauditor"])
def test_the_directory_is_for_operators(signed_in: SignedIn, cast: Cast, person: str) -> None:
    client = signed_in(person)
    made = run()
    for path in (
        *("/directory", "/directory/live", "/directory/search?q=xp", "/directory/path"),
        *(f"/directory/runs/{made.pk}", f"/directory/objects/{cast.xp191.pk}"),
    ):
        assert client.get(path).status_code == 403, path
    for path in ("/directory/read", f"/directory/objects/{cast.xp191.pk}/live"):
        assert client.post(path, {"domain": DOMAIN, "kind": "full"}).status_code == 403, path
    assert not AuditEvent.objects.filter(kind__startswith="directory.").exists()
    assert "/directory" not in client.get("/offers").content.decode()


def test_a_run_that_goes_on_shows_how_far_it_is(operator: Client) -> None:
    run(State.RUNNING, stage="reading", progress=40, objects_done=4000)
    page = operator.get("/directory/live").content.decode()
    assert 'value="40"' in page
    assert "4000 objects" in page
    assert "200 a second" in page
    assert "about 30 s left" in page


def test_the_page_lists_domains_and_runs(operator: Client) -> None:
    made = run(counts={"accounts": {"read": 9, "added": 1, "changed": 2, "removed": 3}})
    page = operator.get("/directory").content.decode()
    assert DOMAIN in page
    assert f"/directory/runs/{made.pk}" in page
    assert "<td>1</td><td>2</td><td>3</td>" in page


def test_a_run_names_what_it_could_not_take_over(operator: Client, cast: Cast) -> None:
    made = run(problem_count=1, seconds_by_stage={"reading": 1.5})
    SyncProblem.objects.create(
        run=made,
        kind="accounts",
        guid=cast.mjones.pk,
        distinguished_name="CN=<b>odd</b>",
        reason="Its sAMAccountName is missing.",
    )
    page = operator.get(f"/directory/runs/{made.pk}").content.decode()
    assert "sAMAccountName is missing" in page
    assert "&lt;b&gt;odd" in page
    assert codes() == ["problems"]


def test_removals_are_accepted_by_a_recorded_act(
    operator: Client, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "assist.enqueue.current_app.send_task",
        lambda name, args, **options: sent.append((name, *args)),
    )
    made = run(State.STOPPED, error="9 of 10 accounts are gone.", kind=Kind.SWEEP)
    page = operator.get(f"/directory/runs/{made.pk}").content.decode()
    assert "Accept the removals" in page
    assert "--accept-removals" in page
    with django_capture_on_commit_callbacks(execute=True):
        answer = operator.post(
            "/directory/read", {"domain": DOMAIN, "kind": "sweep", "accept_removals": "yes"}
        )
    assert answer["Location"] == "/directory"
    assert sent == [("directory.sync_directory", DOMAIN, "sweep", True)]
    event = AuditEvent.objects.get(kind="directory.removals_accepted")
    assert (event.subject_name, event.data["kind"]) == (DOMAIN, "sweep")


@pytest.mark.parametrize(
    "form", [{"domain": "elsewhere.test", "kind": "full"}, {"domain": DOMAIN, "kind": "half"}, {}]
)
def test_only_configured_domains_are_read(operator: Client, form: dict[str, str]) -> None:
    assert operator.post("/directory/read", form).status_code == 404


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("xp191", "XP191"),
        ("XP191.r2.local", "XP191"),
        (r"R2\mjones", r"R2\mjones"),
        ("OU=Winnipeg", "OU=Winnipeg"),
        ("WinnipegGPO", "WinnipegGPO"),
        ("helpdesk", r"R2\Helpdesk Winnipeg"),
    ],
)
def test_objects_are_found_by_name(operator: Client, text: str, name: str) -> None:
    page = operator.get("/directory/search", {"q": text}).content.decode()
    assert f">{name}</a>" in page


def test_objects_are_found_by_sid_and_guid(operator: Client, cast: Cast) -> None:
    for text in (cast.mjones.sid, str(cast.mjones.pk)):
        page = operator.get("/directory/search", {"q": text}).content.decode()
        assert rf">{cast.mjones}</a>" in page
    for odd in ("\x00", "%", "a\\", "{zz}", "x" * 400):
        assert operator.get("/directory/search", {"q": odd}).status_code == 200


def test_an_object_says_when_it_last_changed_and_whose_member_it_is(
    operator: Client, cast: Cast
) -> None:
    made = run()
    Account.objects.filter(pk=cast.mjones.pk).update(
        recorded_run=made.pk, recorded_at=timezone.now()
    )
    page = operator.get(f"/directory/objects/{cast.mjones.pk}").content.decode()
    assert f"/directory/runs/{made.pk}" in page
    assert r"R2\Helpdesk Winnipeg" in page
    group = Group.objects.get(sam_account_name="Helpdesk Winnipeg")
    assert str(cast.mjones) in operator.get(f"/directory/objects/{group.pk}").content.decode()
    for model in (Computer, Domain):
        answer = operator.get(f"/directory/objects/{model.objects.first().pk}")  # type: ignore[union-attr]
        assert answer.status_code == 200


def test_the_way_into_a_group_is_shown(operator: Client) -> None:
    query = {"member": r"R2\nkhan", "group": r"R2\Helpdesk Winnipeg"}
    page = operator.get("/directory/path", query).content.decode()
    assert "by 2 steps" in page
    assert page.index("Helpdesk Night") < page.rindex("Helpdesk Winnipeg")
    other = operator.get("/directory/path", query | {"member": r"R2\eadams"}).content.decode()
    assert "is not in" in other
    unknown = operator.get("/directory/path", query | {"group": "nothing"}).content.decode()
    assert "No group by the name nothing" in unknown


def test_an_unreachable_controller_is_told_and_the_look_recorded(
    operator: Client, cast: Cast, settings: Any
) -> None:
    settings.DIRECTORY_DNS_SERVERS = ["127.0.10.99"]
    settings.DIRECTORY_CONNECT_TIMEOUT_SECONDS = 0.2
    page = operator.post(f"/directory/objects/{cast.xp191.pk}/live").content.decode()
    assert 'role="alert"' in page
    assert AuditEvent.objects.get(kind="directory.object_read").subject_name == "XP191"


def test_alerts_say_what_is_wrong(operator: Client, cast: Cast) -> None:
    assert codes() == []
    run(State.FAILED, error="No answer.", remedy="Look.")
    assert codes() == ["failed"]
    run(State.STOPPED, error="Too many are gone.")
    assert codes() == ["stopped"]
    run(State.ABANDONED)
    assert codes() == ["abandoned"]
    run(reason="dc1 was restored.")
    assert codes() == ["read_in_full"]
    cast.domain.synced_at = timezone.now() - timedelta(days=2)
    cast.domain.save()
    assert codes() == ["too_old", "read_in_full"]
    banner = operator.get("/offers").content.decode()
    assert "offers there are refused" in banner
    assert operator.get("/health").json()["directory_alerts"] == 2


def test_a_domain_never_read_is_told_of_to_operators_alone(signed_in: SignedIn, cast: Cast) -> None:
    Domain.objects.update(dns_name_folded="elsewhere.test")
    assert codes() == ["never_read"]
    assert "has never been read" not in signed_in("mjones").get("/offers").content.decode()
    assert "has never been read" in signed_in(OPERATOR).get("/offers").content.decode()
