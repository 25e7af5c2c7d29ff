"""Every error is a problem document, whoever raised it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import Throttled
from rest_framework.test import APIRequestFactory

from assist.api import views
from assist.api.errors import answer_error
from directory.errors import PortalError
from tests.assist.api.conftest import Program, require_problem
from tests.assist.cast import Cast


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"\xff\xfe",
        b'{"target": NaN}',
        b'{"target": 1e999}',
        b"[" * 100_00,
        b'{"n": ' + b"9" * 5000 + b"}",
        "{}".encode("utf-16"),
    ],
    ids=["cut", "empty", "no UTF-8", "NaN", "infinite", "deep", "long number", "UTF-16"],
)
def test_a_body_that_is_not_json_is_refused(mary: Program, body: bytes) -> None:
    answer = mary.post("offers", body)
    require_problem(answer, 400, "parse_error" if body else "invalid_input")


@pytest.mark.parametrize("document", [[], "x", 1, True, [{"target": "XP191", "mode": "view"}]])
def test_a_document_that_is_no_object_is_refused(mary: Program, document: object) -> None:
    require_problem(mary.post("offers", document), 400, "invalid_input")


@pytest.mark.parametrize(
    "document",
    [
        {"target": "a\x00"},
        {"target": "\ud800"},
        {"\ud800": 1},
        {"a": [[{"b\x00": 1}]]},
        {"a": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]},
    ],
)
def test_what_no_database_keeps_is_refused(mary: Program, document: object) -> None:
    require_problem(mary.post("offers", document), 400, "invalid_input")


def test_a_body_that_is_too_large_is_refused(mary: Program, collector: Program) -> None:
    require_problem(mary.post("offers", {"reason": "x" * 20_000}), 413, "body_too_large")
    events = {"events": [{"EventData": {"x": "y" * 1_100_000}}]}
    require_problem(collector.post("windows-events", events), 413, "body_too_large")


def test_another_content_type_is_refused(mary: Program) -> None:
    for content_type in ("application/x-www-form-urlencoded", "text/xml", "nonsense"):
        answer = mary.post("offers", b"target=XP191", content_type=content_type)
        require_problem(answer, 415, "unsupported_media_type")


def test_the_charset_of_a_body_is_always_utf_8(mary: Program) -> None:
    for charset in ("utf-16", "base64", "no-such"):
        answer = mary.post(
            "offers",
            {"target": "XP999", "mode": "view"},
            content_type=f"application/json; charset={charset}",
        )
        require_problem(answer, 400, "unknown_name", "target")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "offers"), ("DELETE", "offers"), ("OPTIONS", "offers"), ("POST", "eligibility")],
)
def test_another_method_is_refused(mary: Program, method: str, path: str) -> None:
    answer = mary.call(method, path)
    require_problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_what_cannot_be_answered_with_is_refused(mary: Program) -> None:
    answer = mary.call("GET", "offers", Accept="text/html")
    require_problem(answer, 406, "not_acceptable")


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PUT"])
@pytest.mark.parametrize("path", ["", "offer", "offers/", "offers/1/2/3", "%00", "schema/"])
def test_an_address_that_is_none_is_not_found(world: Cast, method: str, path: str) -> None:
    require_problem(Program().call(method, path), 404, "not_found")


def test_whoever_calls_too_often_hears_when_to_come_back() -> None:
    request = APIRequestFactory().get("/")
    response = answer_error(Throttled(wait=1.5), {"request": request})
    assert response.status_code == 429
    assert response["Retry-After"] == "2"
    assert json.loads(response.content)["code"] == "throttled"


def test_what_nobody_foresaw_is_answered_without_its_insides(
    mary: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(views, "offers_for", broken)
    problem = require_problem(mary.get("offers"), 500, "internal_error")
    assert "secret" not in json.dumps(problem)
    assert "the secret is 42" in caplog.text


def test_servers_that_do_not_answer_are_not_the_callers_fault(
    mary: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(PortalError):
        code = "name_service_unavailable"
        status = 503

    def away(*arguments: object, **options: object) -> None:
        raise Away("The name servers do not answer.", remedy="Try again.", field="computer")

    monkeypatch.setattr(views, "offer_request", away)
    answer = mary.post("offers", {"target": "127.0.11.1", "mode": "view"})
    require_problem(answer, 503, "name_service_unavailable", "target")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_texts = st.text(max_size=300) | st.sampled_from(
    ["XP191", "xp191.r2.local", "R2\\XP191", "view", "control", "windows", r"R2\bsmith", "::", "%s"]
)
_offers = st.fixed_dictionaries(
    {"target": _texts | _json, "mode": st.sampled_from(["view", "control"]) | _json},
    optional={
        "user": _texts | _json,
        "ticket": _texts | _json,
        "reason": _texts | _json,
        "viewer": st.sampled_from(["windows", "freerdp"]) | _json,
        "more": _json,
    },
)


@given(document=_offers | _json)
def test_no_document_breaks_the_making_of_an_offer(mary: Program, document: Any) -> None:
    answer = mary.post("offers", document)
    _require_answered(answer)


@given(body=st.binary(max_size=200))
def test_no_body_breaks_the_making_of_an_offer(mary: Program, body: bytes) -> None:
    _require_answered(mary.post("offers", body))


@given(query=st.dictionaries(st.sampled_from(["cursor", "limit", "state", "x"]), st.text()))
def test_no_query_breaks_the_list(mary: Program, query: dict[str, str]) -> None:
    answer = mary.get("offers", **query)
    if answer.status != 200:
        require_problem(answer, 400, "invalid_input")


@given(
    events=st.lists(
        st.fixed_dictionaries(
            {
                "Provider": st.just("Microsoft-Windows-RemoteAssistance") | _json,
                "Channel": st.just("Microsoft-Windows-RemoteAssistance/Operational") | _json,
                "EventID": st.integers(0, 50) | _json,
                "EventRecordID": st.integers() | _json,
                "Computer": st.sampled_from(["XP191.r2.local", "XP999"]) | _json,
                "TimeCreated": st.datetimes().map(lambda at: at.isoformat() + "Z") | _json,
            },
            optional={
                "ProcessID": st.integers() | _json,
                "UserID": st.just("S-1-5-18") | _json,
                "EventData": st.dictionaries(st.text(), _json, max_size=3) | _json,
                "More": _json,
            },
        ),
        max_size=3,
    )
)
def test_no_event_breaks_the_delivery_of_events(collector: Program, events: Any) -> None:
    answer = collector.post("windows-events", {"events": events})
    if answer.status != 200:
        assert answer.status == 400, answer.document
        assert answer.document["detail"]
        assert answer.document["remedy"]


def _require_answered(answer: Any) -> None:
    if answer.status == 201:
        assert answer.document["state"] in ("queued", "refused")
    else:
        assert answer.status in (400, 503), answer.document
        assert answer.document["code"]
        assert answer.document["detail"]
        assert answer.document["remedy"]
