"""Each right of the portal's accounts that is too much, or missing, is named."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from django.core.management import call_command
from pytest_django import Settings

from assist.doctor import Level, examine_accounts
from assist.doctor.findings import AccountRights, Use, remarks
from directory.models import Account, Domain, Group, Membership
from tests.conftest import Lab

DOMAIN_SID = "S-1-5-21-1-2-3"
SOUND = AccountRights(
    name=r"R2\svc-ra-portal",
    use=Use.SERVICE,
    domain_sid=DOMAIN_SID,
    usable="",
    flags=0x200 | 0x100000,
    groups={f"{DOMAIN_SID}-1200": r"R2\Remote Assistance Portal"},
    admin_count=0,
    delegates_to=(),
    services=(),
    has_keytab=True,
)
WEB = replace(
    SOUND,
    use=Use.WEB,
    services=("HTTP/portal.r2.local",),
    wanted_service="http/portal.r2.local",
    delegates_to=("HOST/xp191.r2.local", "rpcss/xp191.r2.local"),
    controllers=frozenset({"dc1.r2.local"}),
    has_keytab=None,
)


def bad(rights: AccountRights) -> list[str]:
    found = remarks(rights)
    return [one.code for one in found if one.level in (Level.TOO_MUCH, Level.MISSING)]


def test_accounts_with_what_they_need_are_sound() -> None:
    assert bad(SOUND) == []
    assert bad(WEB) == []
    assert {one.level for one in remarks(SOUND)} == {Level.UNKNOWN}


@pytest.mark.parametrize(
    ("sid", "name"),
    [
        (f"{DOMAIN_SID}-512", r"R2\Domain Admins"),
        (f"{DOMAIN_SID}-519", r"R2\Enterprise Admins"),
        ("S-1-5-32-544", r"R2\Administrators"),
        ("S-1-5-32-548", r"R2\Account Operators"),
        ("S-1-5-32-551", r"R2\Backup Operators"),
        (f"{DOMAIN_SID}-1105", r"R2\DnsAdmins"),
    ],
)
def test_a_privileged_group_is_too_much(sid: str, name: str) -> None:
    found = remarks(replace(SOUND, groups={sid: name}))
    assert found[0].code == "group.privileged"
    assert name.rpartition("\\")[2] in found[0].sentence


def test_the_same_number_in_another_domain_is_another_group() -> None:
    assert bad(replace(SOUND, groups={"S-1-5-21-9-9-9-512": r"X\Something"})) == []


@pytest.mark.parametrize(
    ("flag", "code"),
    [
        (0x80000, "delegation.unconstrained"),
        (0x1000000, "delegation.protocol_transition"),
        (0x400000, "preauthentication.off"),
        (0x200000, "encryption.des"),
        (0x80, "password.reversible"),
    ],
)
def test_a_dangerous_flag_is_too_much(flag: int, code: str) -> None:
    assert bad(replace(SOUND, flags=SOUND.flags | flag)) == [code]
    assert bad(replace(WEB, flags=WEB.flags | flag)) == [code]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"admin_count": 1}, "admin_count.set"),
        ({"usable": "is disabled"}, "account.unusable"),
        ({"has_keytab": False}, "keytab.missing"),
        ({"delegates_to": ("host/xp191.r2.local",)}, "delegation.needless"),
    ],
)
def test_what_else_is_wrong_with_the_account_that_calls(
    changes: dict[str, object], code: str
) -> None:
    assert bad(replace(SOUND, **changes)) == [code]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"delegates_to": ("cifs/xp191.r2.local",)}, "delegation.other_service"),
        ({"delegates_to": ("host/DC1.r2.local:1/R2",)}, "delegation.controller"),
        ({"services": ()}, "services.missing"),
    ],
)
def test_what_else_is_wrong_with_the_account_of_the_web(
    changes: dict[str, object], code: str
) -> None:
    assert bad(replace(WEB, **changes)) == [code]  # type: ignore[arg-type]


def test_what_is_worth_a_note_makes_nobody_unsound() -> None:
    noted = replace(SOUND, flags=0x200 | 0x10000, services=("MSSQL/old",), admin_count=None)
    codes = {one.code for one in remarks(noted)}
    assert codes >= {
        "account.may_be_delegated",
        "password.never_expires",
        "services.needless",
        "admin_count.unknown",
    }
    assert bad(noted) == []


@pytest.mark.lab
@pytest.mark.django_db
class TestInTheLab:
    @pytest.fixture(autouse=True)
    def accounts(self, lab_domain: Lab, synced_directory: Domain, settings: Settings) -> None:
        settings.SINGLE_SIGN_ON_PRINCIPAL = "svc-ra-web@R2.LOCAL"
        settings.SINGLE_SIGN_ON_HOST = "portal.r2.local"

    @staticmethod
    def doctor() -> tuple[int, dict[str, dict[str, object]]]:
        said, code = io.StringIO(), 0
        try:
            call_command("doctor", "--json", stdout=said)
        except SystemExit as ended:
            code = int(ended.code or 0)
        accounts = json.loads(said.getvalue().splitlines()[-1])["accounts"]
        return code, {one["account"]: one for one in accounts}

    def test_the_labs_accounts_are_sound(self) -> None:
        code, accounts = self.doctor()
        assert code == 0, accounts
        assert set(accounts) == {r"R2\svc-ra-portal", r"R2\svc-ra-web", r"R2\svc-ra-directory"}

    def test_nesting_into_a_group_of_the_controllers_is_found(self) -> None:
        portal = Group.objects.get(sam_account_name="Remote Assistance Portal")
        operators = Group.objects.get(sid="S-1-5-32-548")
        Membership.objects.create(group=operators, member_guid=portal.guid, member_sid=portal.sid)
        code, accounts = self.doctor()
        assert code == 1
        assert not accounts[r"R2\svc-ra-portal"]["is_sound"]
        assert "Account Operators" in json.dumps(accounts[r"R2\svc-ra-portal"])

    def test_a_domain_administrator_is_found_by_group_and_by_admin_count(
        self, settings: Settings
    ) -> None:
        settings.SERVICE_PRINCIPAL = "Administrator@R2.LOCAL"
        found = next(one for one in examine_accounts() if one.name == r"R2\Administrator")
        codes = {one.code for one in found.remarks if one.level is Level.TOO_MUCH}
        assert codes == {"group.privileged", "admin_count.set"}

    def test_an_account_that_is_not_there_is_said_to_be_missing(self, settings: Settings) -> None:
        settings.SERVICE_PRINCIPAL = "nobody@R2.LOCAL"
        assert not examine_accounts()[0].is_sound

    def test_without_a_controller_the_picture_speaks(self, settings: Settings) -> None:
        Account.objects.filter(sam_account_name="svc-ra-portal").update(
            user_account_control=0x200 | 0x1000000
        )
        found = examine_accounts(asks_controller=False)[0]
        assert {one.code for one in found.remarks} >= {
            "delegation.protocol_transition",
            "admin_count.unknown",
        }
