"""A small directory of rows, and programs that call the API with tokens."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assist.actors import Actor
from assist.models import ApiToken, TokenScope
from assist.tokens import token_create
from directory.comparison import fold_name
from directory.models import (
    Account,
    Computer,
    Domain,
    Group,
    GroupPolicy,
    GroupPolicyLink,
    HelperEntry,
    Membership,
    OrganizationalUnit,
)

DOMAIN_SID = "S-1-5-21-1004336348-1177238915-682003330"


@dataclass
class World:
    """The rows of one domain; each account and computer by its short name."""

    domain: Domain
    accounts: dict[str, Account] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    computers: dict[str, Computer] = field(default_factory=dict)
    _next_rid: int = 1100

    def _principal(self, name: str) -> dict[str, Any]:
        self._next_rid += 1
        return {
            "guid": uuid.uuid4(),
            "distinguished_name": f"CN={name},{self.domain.distinguished_name}",
            "domain": self.domain,
            "sid": f"{DOMAIN_SID}-{self._next_rid}",
            "sam_account_name": name,
            "sam_account_name_folded": fold_name(name),
        }

    def add_account(self, name: str, **columns: Any) -> Account:
        principal_name = f"{name}@r2.local"
        self.accounts[name] = Account.objects.create(
            **self._principal(name),
            user_principal_name=principal_name,
            user_principal_name_folded=fold_name(principal_name),
            user_account_control=0x200,
            **columns,
        )
        return self.accounts[name]

    def add_group(self, name: str, *members: str) -> Group:
        group = Group.objects.create(
            **self._principal(name), is_security=True, scope=Group.Scope.GLOBAL
        )
        for member in members:
            account = self.accounts[member]
            Membership.objects.create(group=group, member_sid=account.sid, member_account=account)
        self.groups[name] = group
        return group

    def add_computer(self, name: str, unit: OrganizationalUnit) -> Computer:
        dns_name = f"{name.lower()}.r2.local"
        self.computers[name] = Computer.objects.create(
            **(
                self._principal(name)
                | {"sam_account_name": f"{name}$", "sam_account_name_folded": f"{name.lower()}$"}
            ),
            name=name,
            name_folded=fold_name(name),
            dns_name=dns_name,
            dns_name_folded=fold_name(dns_name),
            operating_system="Windows 11 Enterprise",
            operating_system_version="10.0 (22631)",
            user_account_control=0x1000,
            ou=unit,
        )
        return self.computers[name]

    def add_unit(self, name: str, *, may_control: bool, helper: Group) -> OrganizationalUnit:
        """An organizational unit whose own policy allows offers."""
        unit = OrganizationalUnit.objects.create(
            guid=uuid.uuid4(),
            distinguished_name=f"OU={name},{self.domain.distinguished_name}",
            domain=self.domain,
            name=name,
        )
        policy = GroupPolicy.objects.create(
            guid=uuid.uuid4(),
            distinguished_name=f"CN={name}GPO,{self.domain.distinguished_name}",
            domain=self.domain,
            policy_guid=uuid.uuid4(),
            display_name=f"{name}GPO",
            version=3,
            offers_allowed=True,
            control_allowed=may_control,
            replaces_helpers=True,
            is_security_filtered=False,
        )
        GroupPolicyLink.objects.create(
            domain=self.domain,
            ou=unit,
            policy=policy,
            policy_distinguished_name=policy.distinguished_name,
            order=1,
        )
        HelperEntry.objects.create(policy=policy, position=0, text=str(helper), group=helper)
        return unit


@pytest.fixture
def world(db: None) -> World:
    """Mary and Nadia are experts and helpers, Eve is an expert only, Bob is neither."""
    domain = Domain.objects.create(
        guid=uuid.uuid4(),
        distinguished_name="DC=r2,DC=local",
        dns_name="r2.local",
        dns_name_folded="r2.local",
        netbios_name="R2",
        netbios_name_folded="r2",
        sid=DOMAIN_SID,
        forest_dns_name="r2.local",
        synced_at=timezone.now(),
    )
    world = World(domain)
    for name in ("mjones", "nkhan", "eadams", "bsmith", "svc-ra-portal"):
        world.add_account(name)
    world.add_group("Remote Assistance Experts", "mjones", "nkhan", "eadams")
    helpers = world.add_group("Helpdesk Winnipeg", "mjones", "nkhan", "svc-ra-portal")
    winnipeg = world.add_unit("Winnipeg", may_control=True, helper=helpers)
    world.add_computer("XP191", winnipeg)
    world.add_computer("XP192", winnipeg)
    world.add_computer("VAN042", world.add_unit("Vancouver", may_control=False, helper=helpers))
    return world


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
def make_token(world: World) -> MakeToken:
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
