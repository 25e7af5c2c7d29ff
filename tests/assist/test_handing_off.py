"""Handing an offer off to the expert's own Windows: the link, its one use, what is reported."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
import time_machine
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from django.db import connection, connections
from pytest_django import Settings

from assist import enqueue
from assist.checks import hand_off
from assist.errors import (
    InvalidInput,
    LaunchRefused,
    NotAllowed,
    NotConfigured,
    OfferConflict,
    OfferNotFound,
)
from assist.launch_links import (
    is_launchable,
    launch_link,
    new_signing_key,
    public_key_blob,
    signing_key,
)
from assist.lifecycle import State
from assist.models import AuditEvent, Evidence, LaunchLink, Offer
from assist.offers import (
    launch_confirm,
    launch_link_make,
    launch_report,
    offer_cancel,
    offer_contact,
    offer_report,
    sweep,
)
from assist.offers.handing_off import Launch
from tests.assist.cast import NOW, Cast, make_cast
from tests.assist.conftest import ScriptedNovice
from tests.assist.test_limits_and_bursts import together

KEY = new_signing_key()
pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture(autouse=True)
def _hand_off(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OFFER_AUTHORITIES = ["handoff"]
    settings.LAUNCH_SIGNING_KEY = KEY
    monkeypatch.setattr(enqueue, "_send", lambda *_: pytest.fail("no worker makes this offer"))


def launched(cast: Cast, offer: Offer) -> Launch:
    launch = launch_link_make(actor=cast.actor(), offer=offer)
    assert launch is not None
    return launch


def token_of(launch: Launch) -> str:
    return parse_qs(launch.url.partition("?")[2])["token"][0]


def verify(url: str) -> None:
    """As ECDsaCng does, with the key from the blob that the launcher holds."""
    blob = public_key_blob()
    magic, size = struct.unpack_from("<4sI", blob)
    assert (magic, size, len(blob)) == (b"ECS1", 32, 72)
    x, y = (int.from_bytes(blob[at : at + 32], "big") for at in (8, 40))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    signed, _, signature = url.partition("?")[2].partition("&signature=")
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    assert len(raw) == 64
    r, s = (int.from_bytes(part, "big") for part in (raw[:32], raw[32:]))
    key.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))


def test_the_portal_decides_and_waits_for_the_expert_to_start_it(
    cast: Cast, novice: ScriptedNovice
) -> None:
    offer = cast.request()
    assert (offer.state, offer.authority) == (State.QUEUED, "handoff")
    finding = next(
        item for item in offer.decision["findings"] if item["rule"] == "authority.helper"
    )
    assert "makes the call herself" in finding["sentence"]
    offer_contact(offer.pk)
    offer.refresh_from_db()
    assert (offer.state, novice.listed) == (State.QUEUED, 0)


def test_the_portals_own_account_plays_no_part(cast: Cast) -> None:
    cast.groups["Remote Assistance Portal"].memberships.all().delete()
    assert cast.request().state == State.QUEUED


def test_the_link_is_signed_names_the_computer_and_is_kept_nowhere(cast: Cast) -> None:
    offer = cast.request()
    launch = launched(cast, offer)
    assert offer.state == State.OFFERED
    assert launch.url.startswith(
        f"remote-assistance-portal:launch?v=1&offer={offer.pk}&computer=xp191.r2.local&expires="
    )
    verify(launch.url)
    with pytest.raises(InvalidSignature):
        verify(launch.url.replace("xp191", "xp192"))
    assert launch.expires_at == NOW + timedelta(seconds=120)
    token = token_of(launch)
    assert token not in str(LaunchLink.objects.values_list())
    assert token not in str(AuditEvent.objects.values_list())
    assert AuditEvent.objects.filter(kind="launch.signed", offer_id=offer.pk).count() == 1


def test_a_launcher_has_its_link_confirmed_once(cast: Cast) -> None:
    offer = cast.request()
    token = token_of(launched(cast, offer))
    confirmed = launch_confirm(token=token, source_address="192.0.2.9")
    assert (confirmed.offer_id, confirmed.computer) == (offer.pk, "xp191.r2.local")
    offer.refresh_from_db()
    assert offer.starting_at == NOW, "the marker"
    with pytest.raises(LaunchRefused):
        launch_confirm(token=token)
    event = AuditEvent.objects.get(kind="offer.starting")
    assert (event.actor_name, event.source_address) == ("launcher", "192.0.2.9")
    with pytest.raises(OfferConflict):
        launched(cast, offer)


def _too_late(cast: Cast, offer: Offer, clock: time_machine.Coordinates) -> None:
    clock.shift(timedelta(seconds=121))


def _cancelled(cast: Cast, offer: Offer, clock: time_machine.Coordinates) -> None:
    offer_cancel(actor=cast.actor(), offer=offer)


def _another_link(cast: Cast, offer: Offer, clock: time_machine.Coordinates) -> None:
    launched(cast, offer)


@pytest.mark.parametrize("change", [_too_late, _cancelled, _another_link])
def test_a_link_ends_with_its_time_its_offer_and_its_successor(
    cast: Cast,
    clock: time_machine.Coordinates,
    change: Callable[[Cast, Offer, time_machine.Coordinates], None],
) -> None:
    offer = cast.request()
    token = token_of(launched(cast, offer))
    change(cast, offer, clock)
    with pytest.raises(LaunchRefused):
        launch_confirm(token=token)
    offer.refresh_from_db()
    assert offer.starting_at is None


@pytest.mark.parametrize("token", ["", "x" * 43, "\x00", "\ud800"])
def test_unknown_tokens_are_refused_alike(cast: Cast, token: str) -> None:
    for act in (
        lambda: launch_confirm(token=token),
        lambda: launch_report(token=token, event="started"),
    ):
        with pytest.raises(LaunchRefused, match="not valid any more"):
            act()


def test_the_portal_signs_nothing_that_it_would_refuse_now(cast: Cast) -> None:
    offer = cast.request()
    cast.groups["Helpdesk Winnipeg"].memberships.all().delete()
    assert launch_link_make(actor=cast.actor(), offer=offer) is None
    offer.refresh_from_db()
    assert (offer.state, offer.end_code) == (State.REFUSED, "helper.not_listed")
    assert not LaunchLink.objects.exists()


def test_nor_a_second_time_for_an_offer_that_it_handed_off_before(cast: Cast) -> None:
    offer = cast.request()
    launched(cast, offer)
    cast.groups["Helpdesk Winnipeg"].memberships.all().delete()
    with pytest.raises(NotAllowed, match="helper list"):
        launch_link_make(actor=cast.actor(), offer=offer)
    assert LaunchLink.objects.count() == 1


def test_a_link_is_for_her_own_handed_off_offer_alone(cast: Cast, settings: Settings) -> None:
    offer = cast.request()
    with pytest.raises(OfferNotFound):
        launch_link_make(actor=cast.actor("tmanager"), offer=offer)
    Offer.objects.filter(pk=offer.pk).update(authority="service")
    with pytest.raises(OfferConflict):
        launch_link_make(actor=cast.actor(), offer=offer)


@pytest.mark.parametrize(
    "name",
    [
        *("", "xp191 /saveasfile", "xp191&calc", "-x", "xp191.", ".xp", "a_b", "xp\n", "x" * 64),
        *('xp"', "xp'", "xp;x", "xp|x", "%TEMP%", "\\\\server\\x", "xp/x"),
    ],
)
def test_no_other_text_comes_near_a_command_line(cast: Cast, name: str) -> None:
    assert not is_launchable(name)
    assert not is_launchable(f"{name}\x00")
    with pytest.raises(ValueError, match="command line"):
        launch_link(cast.xp191.pk, name, "t", NOW)
    cast.xp191.dns_name = name
    cast.xp191.save()
    with pytest.raises(OfferConflict, match="DNS name"):
        launched(cast, cast.request())


def test_reports_are_evidence_of_the_grade_of_the_experts_word(cast: Cast) -> None:
    offer = cast.request()
    report = launch_confirm(token=token_of(launched(cast, offer))).report_token
    for _ in range(2):
        launch_report(token=report, event="started")
    found = Evidence.objects.get(offer=offer)
    assert (found.kind, found.source, found.grade) == ("started", "launcher", "stated")
    offer.refresh_from_db()
    offer_report(actor=cast.actor(), offer=offer, kind="viewed")  # type: ignore[arg-type]
    offer.refresh_from_db()
    assert offer.state == State.ACCEPTED
    for _ in range(2):
        launch_report(token=report, event="ended", exit_code=0)
    offer.refresh_from_db()
    assert (offer.state, offer.outcome) == (State.ENDED, "accepted")
    ended = Evidence.objects.get(offer=offer, kind="ended")
    assert "exit code 0" in ended.sentence
    assert LaunchLink.objects.get().exit_code == 0


def test_an_end_without_a_session_says_nothing_of_the_novice(
    cast: Cast, clock: time_machine.Coordinates
) -> None:
    offer = cast.request()
    report = launch_confirm(token=token_of(launched(cast, offer))).report_token
    launch_report(token=report, event="started")
    launch_report(token=report, event="ended")
    offer.refresh_from_db()
    assert (offer.state, offer.outcome) == (State.OFFERED, "")


def test_a_launcher_that_cannot_start_it_fails_the_offer(cast: Cast) -> None:
    offer = cast.request()
    report = launch_confirm(token=token_of(launched(cast, offer))).report_token
    launch_report(token=report, event="failed")
    launch_report(token=report, event="failed")
    offer.refresh_from_db()
    assert (offer.state, offer.end_code) == (State.FAILED, "not_launched")
    assert "installed" in offer.end_remedy


def test_a_report_of_something_else_is_refused(cast: Cast) -> None:
    with pytest.raises(InvalidInput):
        launch_report(token="x", event="shutdown")


def test_nobody_starts_it_in_time(cast: Cast, clock: time_machine.Coordinates) -> None:
    offer = cast.request()
    clock.shift(timedelta(seconds=301))
    sweep()
    offer.refresh_from_db()
    assert (offer.state, offer.end_code) == (State.CANCELLED, "not_launched")


def test_sweeps_send_no_worker_after_it(cast: Cast, clock: time_machine.Coordinates) -> None:
    cast.request()
    clock.shift(timedelta(seconds=60))
    sweep()


@pytest.mark.parametrize("key", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\n"])
def test_without_a_key_nothing_is_signed_and_the_start_is_stopped(
    cast: Cast, settings: Settings, key: str
) -> None:
    settings.LAUNCH_SIGNING_KEY = key
    with pytest.raises(NotConfigured):
        signing_key()
    settings.HTTPS = True
    assert [message.id for message in hand_off()] == ["assist.E003"]
    offer = cast.request()
    with pytest.raises(NotConfigured):
        launched(cast, offer)
    offer.refresh_from_db()
    assert offer.state == State.QUEUED


def test_hand_off_without_https_is_stopped(settings: Settings) -> None:
    settings.HTTPS = False
    assert [message.id for message in hand_off()] == ["assist.E004"]
    settings.OFFER_AUTHORITIES = ["service"]
    assert hand_off() == []


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_many_launchers_with_one_link_one_is_confirmed() -> None:
    assert connection.vendor == "postgresql", "run through `python -m tests.services`"
    cast = make_cast()
    token = token_of(launched(cast, cast.request()))

    def confirm() -> object:
        try:
            return launch_confirm(token=token)
        except LaunchRefused as error:
            return error
        finally:
            connections.close_all()

    answers = together(*[confirm] * 6)
    assert sum(isinstance(answer, LaunchRefused) for answer in answers) == 5
    assert AuditEvent.objects.filter(kind="offer.starting").count() == 1
