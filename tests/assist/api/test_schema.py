"""The description of the API is true."""

from __future__ import annotations

import io
import re
import uuid
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from jsonschema import Draft202012Validator

from assist.api.urls import urlpatterns
from assist.what_ifs import what_if_work
from tests.assist.api.conftest import MakeToken, Program
from tests.assist.cast import Cast
from tests.environment import ROOT

COMMITTED = ROOT / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def schema() -> Any:
    return yaml.safe_load(_generate())


def _generate() -> str:
    text = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=text)
    return text.getvalue()


def _validator(schema: Any, part: Any) -> Draft202012Validator:
    return Draft202012Validator({**part, "components": schema["components"]})


def test_the_committed_description_is_the_present_one() -> None:
    assert COMMITTED.read_text(encoding="utf-8").strip() == _generate().strip(), (
        "run: python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml"
    )


def test_anybody_may_read_it(world: Cast) -> None:
    answer = Program().get("schema")
    assert answer.status == 200
    assert yaml.safe_load(answer.document)["openapi"].startswith("3.1")
    assert Program().get("schema", format="json").document["paths"]


def test_every_endpoint_is_described(schema: Any) -> None:
    described = {path.removeprefix("/api/v1/") for path in schema["paths"]}
    routes = {re.sub(r"<\w+:(\w+)>", r"{\1}", str(route.pattern)) for route in urlpatterns}
    assert described == routes - {""}


def test_every_example_is_what_the_schema_says(schema: Any) -> None:
    checked = 0
    for operations in schema["paths"].values():
        for operation in operations.values():
            for body in (operation.get("requestBody", {}), *operation["responses"].values()):
                for media in body.get("content", {}).values():
                    for example in media.get("examples", {}).values():
                        _validator(schema, media["schema"]).validate(example["value"])
                        checked += 1
    assert checked >= 10


def test_answers_are_what_the_schema_says(
    schema: Any, mary: Program, make_token: MakeToken
) -> None:
    made = mary.post("offers", {"target": "XP191", "mode": "control"})
    refused = mary.post("offers", {"target": "VAN042", "mode": "control"})
    answers = [
        ("post", "offers", made),
        ("post", "offers", refused),
        ("get", "offers", mary.get("offers")),
        ("get", "eligibility", mary.get("eligibility", computer="XP191")),
        ("get", "offers/{offer_id}", mary.get(f"offers/{made.document['id']}")),
        ("post", "offers/{offer_id}/cancel", mary.post(f"offers/{made.document['id']}/cancel")),
        ("post", "offers", mary.post("offers", {"colour": "red"})),
        ("post", "offers", Program().post("offers", {})),
        ("get", "offers/{offer_id}", mary.get("offers/1")),
    ]
    manager = Program(make_token("tmanager")[1])
    change = {"kind": "helper_added", "policy": "VancouverGPO", "who": "eadams"}
    asked = manager.post("eligibility/what-if", {"changes": [change]})
    what_if_work(uuid.UUID(asked.document["id"]))
    answers += [
        ("post", "eligibility/what-if", asked),
        (
            "get",
            "eligibility/what-if/{what_if_id}",
            manager.get(f"eligibility/what-if/{asked.document['id']}"),
        ),
    ]
    for method, path, answer in answers:
        responses = schema["paths"][f"/api/v1/{path}"][method]["responses"]
        content = responses[str(answer.status)]["content"]
        part = content[answer.content_type.split(";")[0]]["schema"]
        _validator(schema, part).validate(answer.document)
