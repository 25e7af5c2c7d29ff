"""Mary's morning: a few offers in every kind of state, made through the services."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from assist import invitations
from assist.actors import Actor
from assist.audit import seal
from assist.lifecycle import Mode, State
from assist.models import (
    EventRoute,
    EvidenceKind,
    EvidenceSource,
    Grade,
    LogFollowing,
    LogonSessionChoice,
    Offer,
    OfferAlert,
    ProtectionRule,
    ReadinessSweep,
    SavedSearch,
    WhatIf,
    WindowsEvent,
)
from assist.offers import offer_retry
from assist.offers.evidence import add, settle
from assist.offers.recording import store_events
from assist.offers.transitions import move
from assist.protection import RuleChoice, protection_save
from assist.readiness.catalogue import overall
from assist.readiness.checking import Readiness, store
from assist.readiness.facts import ExporterFacts, NameFacts
from assist.readiness.gathering import Surroundings, background, facts_of
from assist.readiness.judging import judge
from assist.remote_assistance.event_log_errors import EventLogDenied
from assist.what_ifs import NamedChange, what_if_ask, what_if_work
from directory.models import Computer, OrganizationalUnit, SyncRun
from tests.assist.cast import Cast, make_cast, make_policy

CONNECTION_STRING = (
    f'<E><A KH="{base64.b64encode(bytes(20)).decode()}" ID="authorization"/>'
    '<C><T ID="1" SID="1"><L P="49801" N="127.0.11.191"/></T></C></E>'
)
NAMES = {
    "mjones": "Mary Jones",
    "nkhan": "Nadia Khan",
    "eadams": "Eve Adams",
    "tmanager": "Tina Morgan",
    "aauditor": "Alan Ortiz",
    "bsmith": "Bob Smith",
}
PORTAL = Actor.portal()
ADDRESS = "127.0.11.191"


@dataclass
class Story:
    """The cast and the offers, by what became of them."""

    cast: Cast
    offers: dict[str, Offer] = field(default_factory=dict)
    what_ifs: dict[str, WhatIf] = field(default_factory=dict)
    rule: ProtectionRule | None = None

    @property
    def stopped_run(self) -> SyncRun:
        return SyncRun.objects.get(state=SyncRun.State.STOPPED)


def _add_runs(now: datetime) -> None:
    """A full reading that is over, one that goes on, and one that stopped."""
    counts = {"computers": {"read": 4000, "added": 3, "changed": 12, "removed": 1}}
    for minutes, state, more in (
        (90, SyncRun.State.SUCCEEDED, {"counts": counts, "progress": 100}),
        (
            30,
            SyncRun.State.STOPPED,
            {
                "kind": SyncRun.Kind.SWEEP,
                "error": "812 of 4000 computers of r2.local are gone from the directory: more "
                "than the 20 % that one synchronisation may remove. Nothing was changed.",
                "remedy": "If that is right, accept the removals.",
            },
        ),
        (0, SyncRun.State.RUNNING, {"stage": "reading", "progress": 40, "objects_done": 1600}),
    ):
        began = now - timedelta(minutes=minutes, seconds=20)
        SyncRun.objects.create(
            domain_dns_name="r2.local",
            state=state,
            controller="dc1.r2.local",
            started_at=began,
            heartbeat_at=began + timedelta(seconds=15),
            finished_at=None if state == SyncRun.State.RUNNING else began + timedelta(seconds=18),
            **more,
        )


def tell() -> Story:
    """Fill the database."""
    cast = make_cast()
    now = timezone.now()
    cast.domain.synced_at = now - timedelta(minutes=4)
    cast.domain.save()
    for name, display_name in NAMES.items():
        cast.accounts[name].display_name = display_name
        cast.accounts[name].save()
    cast.xp191.managed_by = cast.bsmith
    cast.xp191.save()
    _add_computers(cast)
    _add_runs(now)
    _add_readiness(cast, now)
    story = Story(cast)
    _ask_what_if(story)
    for number, (name, tell_one) in enumerate(
        {
            "ended": _ended,
            "contradicted": _contradicted,
            "declined": _declined,
            "unreachable": _unreachable,
            "refused": _refused,
            "choosing": _choosing,
            "offered": _offered,
        }.items()
    ):
        tell_one(story, name, now - timedelta(minutes=50 - 7 * number))
    offered = story.offers["offered"]
    Offer.objects.filter(pk=offered.pk).update(deadline_at=now + timedelta(minutes=5))
    invitations.keep(offered, CONNECTION_STRING, now=now)
    seal()
    cast.request(actor=cast.actor("nkhan"), target="GIM-W11-01", ticket="INC-1040", now=now)
    _protect(story, now)
    return story


def _protect(story: Story, now: datetime) -> None:
    """A till that waits for approval and another for its time, one handed off, a burst."""
    cast = story.cast
    tills = cast.add_group("Tills")
    for name in ("WPG-TILL-01", "WPG-TILL-02"):
        cast.join(tills, cast.add_computer(name, operating_system="Windows 11 Enterprise"))
    story.rule = protection_save(
        actor=cast.actor("ooperator"),
        choice=RuleChoice(
            name="Tills",
            group=r"R2\Tills",
            needs_ticket=True,
            ticket_pattern="INC-####, CHG*",
            needs_reason=True,
            needs_approval=True,
            approval_minutes=30,
        ),
        now=now - timedelta(days=2),
    )
    protection_save(
        actor=cast.actor("ooperator"),
        choice=RuleChoice(
            name="Brandon's hours",
            unit="Brandon",
            hours="Mon-Fri 07:00-19:00, Sat 22:00-06:00",
            time_zone="America/Winnipeg",
            is_enabled=False,
        ),
        now=now - timedelta(days=1),
    )
    asked = now - timedelta(minutes=2)
    story.offers["approval"] = cast.request(
        target="WPG-TILL-01", ticket="INC-1042", reason="The scanner does not read", now=asked
    )
    story.offers["later"] = cast.request(
        target="WPG-OFF-09", ticket="INC-1043", start_at=now + timedelta(minutes=25), now=asked
    )
    story.offers["handoff"] = cast.request(
        target="WPG-W10-03", ticket="INC-1044", authority="handoff", now=asked
    )
    story.offers["again"] = offer_retry(
        actor=cast.actor("eadams"), offer=story.offers["refused"], door="page", now=asked
    )
    OfferAlert.objects.create(
        kind=OfferAlert.Kind.EXPERT,
        subject_id=cast.eadams.sid,
        subject_name=r"R2\eadams",
        first_at=asked,
        last_at=asked,
        offers=14,
    )


def _add_readiness(cast: Cast, now: datetime) -> None:
    """Results of every kind, found without a network, a sweep that goes on, a saved search."""
    sweep = ReadinessSweep.objects.create(
        scope_kind="all",
        scope_name="all computers",
        requested_by=r"R2\tmanager",
        started_at=now - timedelta(minutes=3),
        heartbeat_at=now,
        worker=uuid.uuid4(),
        total=7,
        done=6,
        ready=1,
        not_ready=4,
        unknown=1,
    )
    search = SavedSearch.objects.create(name="Winnipeg's", text="WPG", unit=cast.unit, made_at=now)
    ReadinessSweep.objects.create(
        scope_kind="search",
        scope_id=str(search.pk),
        scope_name=search.name,
        state=ReadinessSweep.State.CANCELLED,
        requested_by=r"R2\tmanager",
        started_at=now - timedelta(hours=3),
        finished_at=now - timedelta(hours=2),
        total=5,
        done=2,
    )
    behind = background(with_picture=False)
    found = []
    for number, computer in enumerate(
        Computer.objects.select_related("domain", "ou").order_by("name_folded")[:6]
    ):
        computer.service_principal_names = [f"HOST/{computer.dns_name}"]
        names = NameFacts(computer.dns_name, (ADDRESS,), "", {ADDRESS: ()}, (ADDRESS,))
        answers = ExporterFacts(
            ADDRESS,
            is_connected=number != 2,
            is_answering=number != 2,
            sentence="" if number != 2 else f"Nothing answers at {ADDRESS}, TCP port 135.",
            host_names=(computer.name,),
            clock_skew=timedelta(seconds=25 * number),
        )
        facts = facts_of(computer, Surroundings(), behind, names, answers, None, now)
        results = judge(facts)
        found.append(Readiness(computer, *overall(results), results))
    store(found, now=now - timedelta(minutes=2), sweep_id=sweep.pk)


def _ask_what_if(story: Story) -> None:
    """One that is answered, one that has no answer, one that goes on."""
    manager = story.cast.actor("tmanager")
    changes = [
        NamedChange("helper_added", {"policy": "WinnipegGPO", "who": r"R2\eadams"}),
        NamedChange("inheritance_blocked", {"unit": "OU=Brandon,DC=r2,DC=local"}),
        NamedChange("helper_removed", {"policy": "BrandonGPO", "who": r"R2\mjones"}),
    ]
    answered = what_if_ask(actor=manager, changes=changes)
    what_if_work(answered.pk)
    failed = what_if_ask(actor=manager, changes=changes[:1])
    WhatIf.objects.filter(pk=failed.pk).update(
        state=WhatIf.State.FAILED,
        finished_at=timezone.now(),
        error="The portal made a mistake. Ask again; if it happens again, tell the operator.",
    )
    running = what_if_ask(actor=manager, changes=changes[1:2])
    WhatIf.objects.filter(pk=running.pk).update(
        worker=uuid.uuid4(), heartbeat_at=timezone.now(), total=100_000, done=37_000
    )
    for name, asked in (("answered", answered), ("failed", failed), ("running", running)):
        story.what_ifs[name] = asked


def _add_computers(cast: Cast) -> None:
    policy = make_policy(cast.domain, "BrandonGPO", offers_allowed=True, control_allowed=False)
    unit = OrganizationalUnit.objects.create(
        guid=policy.policy_guid,
        distinguished_name="OU=Brandon,DC=r2,DC=local",
        domain=cast.domain,
        name="Brandon",
    )
    unit.links.create(
        domain=cast.domain,
        policy=policy,
        policy_distinguished_name=policy.distinguished_name,
        order=1,
    )
    policy.helpers.create(position=0, text=r"R2\mjones", account=cast.mjones)
    policy.helpers.create(
        position=1,
        text=r"R2\Remote Assistance Portal",
        group=cast.groups["Remote Assistance Portal"],
    )
    policy.helpers.create(
        position=2, text=r"R2\Helpdesk Brandn", problem="No account or group has this name."
    )
    windows_11 = {
        "operating_system": "Windows 11 Enterprise",
        "operating_system_version": "10.0 (22631)",
    }
    for name in ("WPG-W11-02", "WPG-W10-03", "WPG-W11-11", "WPG-OFF-09", "GIM-W11-01"):
        cast.add_computer(name, **windows_11)
    cast.add_computer("BDN-W10-01", ou=unit)


def _step(offer: Offer, state: State, seconds: int, **details: object) -> None:
    at = offer.requested_at + timedelta(seconds=seconds)
    move(offer, state, actor=PORTAL, now=at, **details)  # type: ignore[arg-type]


def _reach(offer: Offer, novice: str) -> None:
    """A worker reached the computer, and Remote Assistance runs there."""
    _step(offer, State.CONTACTING, 1)
    offer.novice_name, offer.logon_session_id = novice, 1
    offer.starting_at = offer.requested_at + timedelta(seconds=2)
    offer.save()
    invitations.keep(offer, CONNECTION_STRING, now=offer.starting_at)
    _step(
        offer,
        State.OFFERED,
        3,
        sentence=f"Remote Assistance runs on {offer.computer_name} for {novice}; the user is asked "
        "when the invitation is opened.",
        offered_at=offer.starting_at,
    )


def _log(offer: Offer, *events: tuple[int, int], clock_ahead: int = 0) -> None:
    """The computer's log is read: events, each with its seconds after the request."""
    now = offer.requested_at + timedelta(seconds=events[-1][1] + 2)
    LogFollowing.objects.create(
        offer=offer,
        start_record_id=4000,
        looked_at=now,
        news_at=now,
        clock_ahead_seconds=clock_ahead,
    )
    store_events(
        [
            WindowsEvent(
                computer=offer.computer,
                computer_name=f"{offer.computer_name}.r2.local",
                channel="Microsoft-Windows-RemoteAssistance/Operational",
                record_id=4001 + index,
                event_id=number,
                at=offer.requested_at + timedelta(seconds=seconds + clock_ahead),
                received_at=now,
                route=EventRoute.READ,
            )
            for index, (number, seconds) in enumerate(events)
        ],
        now,
    )
    settle(offer.pk, now=now)


def _say(offer: Offer, kind: EvidenceKind, seconds: int) -> None:
    at = offer.requested_at + timedelta(seconds=seconds)
    add(
        offer,
        kind,
        source=EvidenceSource.EXPERT,
        grade=Grade.STATED,
        sentence=rf"R2\mjones: {EvidenceKind(kind).label.lower()}.",
        at=at,
        actor=PORTAL,
        now=at,
    )
    settle(offer.pk, now=at)


def _ended(story: Story, name: str, at: object) -> None:
    offer = story.cast.request(
        ticket="INC-1024", reason="Outlook does not open attachments", now=at
    )
    _reach(offer, r"R2\bsmith")
    _log(
        offer,
        *[
            (31, 2),
            (13, 2),
            (15, 22),
            (16, 22),
            (22, 31),
            (21, 44),
            (21, 230),
            (18, 410),
            (30, 411),
        ],
        clock_ahead=95,
    )
    story.offers[name] = offer


def _contradicted(story: Story, name: str, at: object) -> None:
    """The expert was wrong, and control was taken where only a view was asked for."""
    offer = story.cast.request(target="BDN-W10-01", mode=Mode.VIEW, ticket="INC-1022", now=at)
    _reach(offer, r"R2\cwong")
    _say(offer, EvidenceKind.DECLINED, 40)
    _log(offer, (31, 2), (13, 2), (15, 22), (22, 39), (21, 60), (19, 300), (30, 301))
    story.offers[name] = offer


def _declined(story: Story, name: str, at: object) -> None:
    offer = story.cast.request(
        target="BDN-W10-01", mode=Mode.VIEW, viewer="windows", ticket="INC-1027", now=at
    )
    _reach(offer, r"R2\cwong")
    denied = EventLogDenied()
    LogFollowing.objects.create(
        offer=offer,
        news_at=offer.requested_at,
        error_code=denied.code,
        error_sentence=denied.sentence,
        error_remedy=denied.remedy,
    )
    _say(offer, EvidenceKind.DECLINED, 40)
    story.offers[name] = offer


def _unreachable(story: Story, name: str, at: object) -> None:
    offer = story.cast.request(target="WPG-OFF-09", ticket="INC-1030", now=at)
    _step(offer, State.CONTACTING, 1)
    _step(
        offer,
        State.UNREACHABLE,
        7,
        sentence="wpg-off-09.r2.local (127.0.11.9) did not answer on port 135 within 5 seconds.",
        remedy="Ask the user whether the computer is on and connected to the network.",
        grade=Grade.STRONG,
    )
    story.offers[name] = offer


def _refused(story: Story, name: str, at: object) -> None:
    story.offers[name] = story.cast.request(
        actor=story.cast.actor("eadams"), target="WPG-W10-03", ticket="INC-1031", now=at
    )


def _choosing(story: Story, name: str, at: object) -> None:
    offer = story.cast.request(target="WPG-W11-02", ticket="INC-1033", now=at)
    _step(offer, State.CONTACTING, 1)
    for number, user in ((2, "bsmith"), (3, "cwong")):
        LogonSessionChoice.objects.create(
            offer=offer, domain_name="R2", user_name=user, session_id=number
        )
    _step(offer, State.CHOOSING, 2, sentence="2 users are logged on: choose whom to help.")
    story.offers[name] = offer


def _offered(story: Story, name: str, at: object) -> None:
    offer = story.cast.request(ticket="INC-1036", reason="Printer does not print", now=at)
    _reach(offer, r"R2\bsmith")
    story.offers[name] = offer
