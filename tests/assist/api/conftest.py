"""A small directory of rows, and programs that call the API with tokens."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from assist.actors import Actor
from assist.models import ApiToken, TokenScope
from assist.tokens import token_create
from directory.models import GroupPolicyLink, HelperEntry, OrganizationalUnit
from tests.assist.cast import Cast, make_policy


@pytest.fixture
def world(cast: Cast) -> Cast:
    """The cast, a second computer where Mary may control, and one where she may only view."""
    cast.add_computer("XP192")
    unit = OrganizationalUnit.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"OU=Vancouver,{cast.domain.distinguished_name}",
        domain=cast.domain,
        name="Vancouver",
    )
    policy = make_policy(
        cast.domain,
        "VancouverGPO",
        offers_allowed=True,
        control_allowed=False,
        replaces_helpers=True,
    )
    GroupPolicyLink.objects.create(
        domain=cast.domain,
        ou=unit,
        policy=policy,
        policy_distinguished_name=policy.distinguished_name,
        order=1,
    )
    for position, name in enumerate(("Helpdesk Winnipeg", "Remote Assistance Portal")):
        group = cast.groups[name]
        HelperEntry.objects.create(policy=policy, position=position, text=str(group), group=group)
    cast.add_computer("VAN042", ou=unit)
    return cast


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    content_type: str
    headers: dict[str, str]
    document: Any


class Program:
    """A caller of the API."""

    def __init__(self, token: str = "") -> None:
        self._client = Client()
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **query: Any) -> Answer:
        return _answer(self._client.get(f"/api/v1/{path}", query, headers=self.headers))

    def post(
        self, path: str, document: Any = None, *, content_type: str = "application/json"
    ) -> Answer:
        """``document``: what to send as JSON; bytes are sent as they are, None is no body."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return _answer(
            self._client.generic(
                "POST",
                f"/api/v1/{path}",
                b"" if document is None else body,
                content_type,
                headers=self.headers,
            )
        )

    def call(self, method: str, path: str, **headers: str) -> Answer:
        return _answer(
            self._client.generic(method, f"/api/v1/{path}", headers=self.headers | headers)
        )


def _answer(response: Any) -> Answer:
    content_type = response.headers.get("Content-Type", "")
    document = json.loads(response.content) if "json" in content_type else response.content
    return Answer(response.status_code, content_type, dict(response.headers), document)


MakeToken = Callable[..., tuple[ApiToken, str]]


@pytest.fixture
def make_token(world: Cast) -> MakeToken:
    """Makes a token of an account, or a collector's if none is named."""

    def make(
        name: str | None = None, *, expires_at: datetime | None = None, now: datetime | None = None
    ) -> tuple[ApiToken, str]:
        return token_create(
            actor=Actor.portal(),
            name="test",
            scope=TokenScope.EXPERT if name else TokenScope.COLLECTOR,
            account=world.accounts[name] if name else None,
            expires_at=expires_at,
            now=now,
        )

    return make


@pytest.fixture
def mary(make_token: MakeToken) -> Program:
    return Program(make_token("mjones")[1])


@pytest.fixture
def nadia(make_token: MakeToken) -> Program:
    return Program(make_token("nkhan")[1])


@pytest.fixture
def collector(make_token: MakeToken) -> Program:
    return Program(make_token()[1])


def require_problem(answer: Answer, status: int, code: str, field: str | None = None) -> Any:
    """The problem document, which every error of the API is, with what every one must carry."""
    assert answer.status == status, answer.document
    assert answer.content_type == "application/problem+json"
    problem = answer.document
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"] == f"urn:remote-assistance-portal:{code}"
    for name in ("title", "detail", "remedy", "request_id"):
        assert problem[name], name
    assert "Traceback" not in problem["detail"]
    if field is not None:
        assert problem["field"] == field
    return problem
