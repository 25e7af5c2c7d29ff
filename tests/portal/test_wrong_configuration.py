"""Each wrong setting is named, with what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from assist import checks as offer_checks
from portal import checks
from portal.environment import whole_number
from tests.environment import ROOT

KEY = "a2V5LW9mLXRoZS10ZXN0cy10aGF0LWlzLTMyLWJ5dGU="
AUTHORITY = str(ROOT / "tests" / "portal" / "authority.pem")


def ids(messages: list[CheckMessage]) -> list[str | None]:
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


def test_a_right_configuration_is_silent(settings: Settings) -> None:
    settings.DIRECTORY_CA_FILE = AUTHORITY
    assert ids(checks.directory()) == []
    assert ids(checks.certificate_authority()) == []
    assert ids(checks.role_groups()) == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DIRECTORY_DOMAIN", "", "portal.E001"),
        ("DIRECTORY_DOMAIN", "not a name", "portal.E001"),
        ("DIRECTORY_TLS", "none", "portal.E002"),
        ("DIRECTORY_BIND_USER", "", "portal.E017"),
        ("DIRECTORY_KEYTAB_FILE", "beside-the-password.keytab", "portal.E017"),
        ("DIRECTORY_DNS_SERVERS", [], "portal.I003"),
    ],
)
def test_a_directory_that_cannot_be_reached_is_named(
    settings: Settings, name: str, value: object, expected: str
) -> None:
    setattr(settings, name, value)
    assert ids(checks.directory()) == [expected]


def test_a_missing_or_unreadable_authority_is_named(settings: Settings, tmp_path: Path) -> None:
    settings.DIRECTORY_CA_FILE = ""
    assert ids(checks.certificate_authority()) == ["portal.E003"]
    settings.DIRECTORY_CA_FILE = str(tmp_path / "nowhere.pem")
    assert ids(checks.certificate_authority()) == ["portal.W001"]
    (tmp_path / "empty.pem").write_text("not a certificate")
    settings.DIRECTORY_CA_FILE = str(tmp_path / "empty.pem")
    assert ids(checks.certificate_authority()) == ["portal.E004"]


def test_roles_without_groups_and_groups_without_a_domain_are_named(settings: Settings) -> None:
    settings.ROLE_GROUPS = {
        "expert": [],
        "manager": [],
        "auditor": ["Auditors"],
        "operator": ["a\\b"],
    }
    assert ids(checks.role_groups()) == ["portal.W002", "portal.I001", "portal.E005"]


def test_an_error_stops_the_start(settings: Settings) -> None:
    settings.DIRECTORY_DOMAIN = ""
    with pytest.raises(ImproperlyConfigured, match=r"portal\.E001"):
        checks.refuse_wrong_configuration()


@pytest.mark.parametrize("value", ["-1", "24"])
def test_a_number_outside_its_limits_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DIRECTORY_SWEEP_HOUR", value)
    with pytest.raises(ImproperlyConfigured, match=r"DIRECTORY_SWEEP_HOUR: must be 0 to 23"):
        whole_number("DIRECTORY_SWEEP_HOUR", 2, least=0, most=23)


def test_sign_in_with_windows_wants_tls_and_its_keytab(settings: Settings, tmp_path: Path) -> None:
    assert checks.single_sign_on() == []
    settings.SINGLE_SIGN_ON_KEYTAB_FILE = str(tmp_path / "keytab")
    settings.HTTPS = False
    assert ids(checks.single_sign_on()) == ["portal.E020", "portal.E021"]
    (tmp_path / "keytab").touch()
    settings.HTTPS = True
    assert checks.single_sign_on() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"HANDED_TICKET_KEYS": []}, ["assist.E010"]),
        ({"HANDED_TICKET_KEYS": ["short"]}, ["assist.E011"]),
        ({"INVITATION_KEYS": [KEY]}, ["assist.E012"]),
        ({"SINGLE_SIGN_ON_PRINCIPAL": "svc-ra-web"}, ["assist.E013"]),
        ({"SINGLE_SIGN_ON_KEYTAB_FILE": ""}, ["assist.I010"]),
        (
            {"SINGLE_SIGN_ON_KEYTAB_FILE": "", "HANDED_TICKET_KEYS": []},
            ["assist.W010", "assist.I010"],
        ),
        ({"OFFER_AUTHORITIES": ["service"], "HANDED_TICKET_KEYS": []}, []),
    ],
)
def test_calling_as_experts_wants_keys_of_its_own(
    settings: Settings, changes: dict[str, object], expected: list[str]
) -> None:
    right = {
        "OFFER_AUTHORITIES": ["delegated"],
        "HANDED_TICKET_KEYS": [KEY],
        "SINGLE_SIGN_ON_PRINCIPAL": "svc-ra-web@R2.LOCAL",
        "SINGLE_SIGN_ON_KEYTAB_FILE": "web.keytab",
    }
    for name, value in (right | changes).items():
        setattr(settings, name, value)
    assert ids(offer_checks.delegation()) == expected


def test_workers_that_may_call_anywhere_are_mentioned(settings: Settings) -> None:
    assert offer_checks.novice_subnets() == []
    settings.NOVICE_SUBNETS = []
    assert ids(offer_checks.novice_subnets()) == ["assist.I011"]


def test_event_logs_that_nobody_may_read_are_mentioned(settings: Settings) -> None:
    assert offer_checks.event_logs() == []
    settings.SERVICE_PRINCIPAL = ""
    assert ids(offer_checks.event_logs()) == ["assist.I012"]
    settings.EVENT_LOG_FOLLOW = False
    assert offer_checks.event_logs() == []
