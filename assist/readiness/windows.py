"""Checks of what only the computer itself knows: its sessions and its event log. Pure.

A sweep never asks for these: listing the logon sessions activates an object on the computer, which
a person has to want.
"""

from __future__ import annotations

from datetime import timedelta

from assist.eligibility.decision import Reference
from assist.readiness.facts import ReadinessFacts
from assist.readiness.results import Answer, State

STARTED = frozenset({13, 31})
ENDED = frozenset({30, 32})
LONGEST_SESSION = timedelta(hours=12)
LOG_NOT_WRITTEN, NO_INVITATION, NO_CONTROL, FIREWALL = 12, 26, 27, 28
TROUBLE = {
    NO_INVITATION: "settings do not allow an invitation to be created (event 26)",
    NO_CONTROL: "settings do not allow the helper to share control (event 27)",
    FIREWALL: "its firewall seems to stop Remote Assistance (event 28)",
}
ASK = "Only a look at its logon sessions tells; ask for one on the computer's page."


def users(facts: ReadinessFacts) -> Answer:
    """Somebody is logged on who could be helped."""
    live, computer = facts.live, facts.computer.reference
    if live is None:
        said = f"Who is logged on to {computer.name} was not looked at."
        return Answer(State.UNKNOWN, said, (computer,), ASK)
    if live.users is None:
        said = f"Who is logged on could not be seen: {live.sentence}"
        state = State.NOT_READY if live.code in REFUSALS else State.UNKNOWN
        return Answer(state, said, (computer,), live.remedy)
    if not live.users:
        return Answer(
            State.WARNING,
            f"Nobody works at {computer.name} now.",
            (computer,),
            "Windows names active logon sessions only: have the user unlock the computer or "
            "connect again.",
        )
    count = f"{len(live.users)} users are" if len(live.users) > 1 else "One user is"
    evidence = tuple(Reference("account", "", name) for name in live.users)
    return Answer(State.READY, f"{count} logged on to {computer.name}.", (computer, *evidence))


REFUSALS = frozenset(
    {"access_denied", "disabled_by_policy", "protocol_unsupported", "authentication_failed"}
)


def running(facts: ReadinessFacts) -> Answer:
    """No Remote Assistance runs there already, which would refuse another."""
    computer = facts.computer.reference
    remedy = "Wait until it has ended, or ask the user to close it."
    if facts.active_offer is not None:
        said = f"An offer by {facts.active_offer.name} has not ended."
        return Answer(State.NOT_READY, said, (computer, facts.active_offer), remedy)
    started = max((item.at for item in facts.events if item.event_id in STARTED), default=None)
    ended = max((item.at for item in facts.events if item.event_id in ENDED), default=None)
    if started is not None and (ended is None or ended < started):
        evidence = (computer, Reference("event", "", f"started {started:%Y-%m-%d %H:%M} UTC"))
        if facts.now - started < LONGEST_SESSION:
            said = "By its events Remote Assistance was started there and has not ended."
            return Answer(State.NOT_READY, said, evidence, remedy)
        said = "By its events Remote Assistance was started there; that it ended was never heard."
        return Answer(State.UNKNOWN, said, evidence, remedy)
    if ended is not None:
        evidence = (computer, Reference("event", "", f"ended {ended:%Y-%m-%d %H:%M} UTC"))
        return Answer(State.READY, "By its events Remote Assistance does not run there.", evidence)
    return Answer(
        State.UNKNOWN,
        "No event of the computer says whether Remote Assistance runs there, and asking it would "
        "start it.",
        (computer,),
        "Have the computer's RemoteAssistance events forwarded to the collector.",
    )


def session_log(facts: ReadinessFacts) -> Answer:
    """Where policy wants a session log, it can be written."""
    computer = facts.computer.reference
    failed = [item for item in facts.events if item.event_id == LOG_NOT_WRITTEN]
    if failed:
        latest = max(item.at for item in failed)
        return Answer(
            State.WARNING,
            "Policy wants a session log, and it could not be written: Windows ended Remote "
            "Assistance (event 12).",
            (computer, Reference("event", "", f"event 12, {latest:%Y-%m-%d %H:%M} UTC")),
            "Check the disk, and that the user's Documents folder can be written to.",
        )
    if not facts.logs_sessions:
        said = "No policy wants a session log, so none that fails ends a session."
        return Answer(State.READY, said, (computer,))
    if facts.events:
        said = "Policy wants a session log, and no event says that it could not be written."
        return Answer(State.READY, said, (computer,))
    return Answer(
        State.UNKNOWN,
        "Policy wants a session log; whether it can be written shows only there (event 12).",
        (computer,),
        "Have the computer's RemoteAssistance events forwarded to the collector.",
    )


def trouble(facts: ReadinessFacts) -> Answer:
    """Windows itself reported nothing that stops Remote Assistance."""
    computer = facts.computer.reference
    found = {item.event_id: item for item in facts.events if item.event_id in TROUBLE}
    if found:
        told = "; ".join(TROUBLE[number] for number in sorted(found))
        evidence = (
            Reference("event", "", f"event {number}, {item.at:%Y-%m-%d %H:%M} UTC")
            for number, item in sorted(found.items())
        )
        return Answer(
            State.WARNING,
            f"Windows reported: {told}.",
            (computer, *evidence),
            "Compare the policy in force on the computer (gpresult) with the directory's.",
        )
    if not facts.events:
        return Answer(
            State.UNKNOWN,
            "No event of the computer reached the portal lately.",
            (computer,),
            "Have the computer's RemoteAssistance events forwarded to the collector.",
        )
    return Answer(State.READY, "Its events tell of no trouble.", (computer,))


def event_reader(facts: ReadinessFacts) -> Answer:
    """The portal's account may read the event log of the computer."""
    computer, account = facts.computer.reference, facts.caller.reference
    if facts.computer.is_domain_controller and account is not None:
        if facts.reader_groups is not None:
            said = f"{account.name} is a member of {facts.reader_groups.name}."
            return Answer(State.READY, said, (account, facts.reader_groups))
        return Answer(
            State.WARNING,
            f"{account.name} is not in the domain controllers' group Event Log Readers.",
            (account, computer),
            "Add it, or have the events forwarded.",
        )
    return Answer(
        State.UNKNOWN,
        "Who is in the group Event Log Readers of the computer itself cannot be seen from outside.",
        (computer,),
        "Add the portal's account by policy (Restricted Groups, Local Users and Groups), or have "
        "the events forwarded instead.",
    )
