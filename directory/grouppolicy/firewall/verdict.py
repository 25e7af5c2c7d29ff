"""Whether policy lets an offer, or the reading of the event log, through a computer's firewall.

Judged on the domain profile. What the computer's own administrators added is not seen from
here: where policy is silent and does not shut such rules out, nothing is known. Rules that let in
under IPsec come before rules that block, and these before rules that let in ([MS-FASP] 2.2.34).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from directory.grouppolicy.firewall.merging import MergedFirewall, PolicySource
from directory.grouppolicy.firewall.needs import (
    EVENT_LOG_NEEDS,
    OFFER_NEEDS,
    Kind,
    Need,
    Origin,
    Windows,
)
from directory.grouppolicy.firewall.scope import Address, Match
from directory.grouppolicy.firewall.values import (
    DEFAULT_INBOUND,
    DOMAIN,
    ENABLE_FIREWALL,
    LOCAL_MERGE,
    NO_EXCEPTIONS,
    PORTS,
    PROGRAMS,
    REMOTE_DESKTOP,
    STANDARD,
    problem_of,
)
from directory.grouppolicy.firewall.voices import Voice, voices_about
from directory.grouppolicy.firewall.wording import listed, shortened, some

Origins = Mapping[Origin, Sequence[Address]]
ADMINISTRATOR = "Whoever administers Group Policy can"


class State(Enum):
    """What a verdict comes to; the first is the worst."""

    BLOCKED = "blocked"
    INCOMPLETE = "incomplete"
    EXCLUDED = "excluded"  # the scope leaves somebody out
    UNKNOWN = "unknown"
    OPEN = "open"  # no firewall in the way
    COMPLETE = "complete"


RANK = {state: rank for rank, state in enumerate(State)}


@dataclass(frozen=True)
class FirewallVerdict:
    """What policy makes of the firewall of one computer.

    Attributes:
        state: The verdict.
        sentence: For a person.
        missing: What is not let in.
        blocking: Values that keep something out, with their policy.
        doubts: What makes it uncertain.
        notes: What else is worth knowing.
        remedy: Who can change it and how; empty where nothing needs changing.
        sources: The policies that it rests on.
    """

    state: State
    sentence: str
    missing: tuple[str, ...] = ()
    blocking: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    remedy: str = ""
    sources: tuple[PolicySource, ...] = ()


def offer_verdict(
    merged: MergedFirewall, windows: Windows, origins: Origins | None = None
) -> FirewallVerdict:
    """Whether policy lets an offer of Remote Assistance in.

    Args:
        merged: The values in force.
        windows: The computer's Windows.
        origins: The addresses that the portal's worker and the expert connect from; without
            them an exception for some addresses only gives no certainty.
    """
    verdict = _verdict(OFFER_NEEDS[windows.system], "an offer", merged, windows, origins or {})
    return verdict if windows.system.has_rules else _with_standard_profile(verdict, merged, windows)


def event_log_verdict(
    merged: MergedFirewall, windows: Windows, origins: Origins | None = None
) -> FirewallVerdict | None:
    """Whether policy lets the portal's worker read the event log over RPC.

    Returns:
        None for Windows XP and Server 2003, which keep no such log of Remote Assistance.
    """
    if not windows.system.has_rules:
        return None
    return _verdict(EVENT_LOG_NEEDS, "reading the event log", merged, windows, origins or {})


@dataclass(frozen=True)
class _Answer:
    """What policy says to one need, at the worst of the addresses that connect.

    Attributes:
        need: What must be let in.
        permit: Whether something lets it in.
        block: Whether something keeps it out.
        voices: All that speak of it.
        addresses: That connect; None: not known.
    """

    need: Need
    permit: Match
    block: Match
    voices: tuple[Voice, ...]
    addresses: tuple[Address | None, ...]

    @property
    def is_excluded(self) -> bool:
        """It is let in, for others only."""
        return self.permit is Match.NO and any(voice.lets_in for voice in self.voices)

    def reach(self, voice: Voice) -> Match:
        """Whether a voice is about one of the addresses."""
        return max(voice.match_for(address) for address in self.addresses)

    def blockers(self, match: Match) -> list[Voice]:
        return [voice for voice in self.voices if not voice.lets_in and self.reach(voice) is match]

    def doubts(self) -> list[str]:
        title = self.need.title
        found = [
            f"{voice.source} may block {title}: {voice.why or _only(voice)}"
            for voice in self.blockers(Match.MAYBE)
        ]
        if self.permit is Match.MAYBE:
            found += [
                f"{voice.source} lets {title} in, but {voice.why or _only(voice)}"
                for voice in self.voices
                if voice.lets_in
            ]
        return found


def _only(voice: Voice) -> str:
    return f"it is for {shortened(str(voice.scope))} only"


def _answer(
    need: Need, merged: MergedFirewall, windows: Windows, origins: Origins, profile: str
) -> _Answer:
    addresses = tuple(origins.get(need.origin, ())) or (None,)
    voices = tuple(voices_about(need, merged, windows, profile))
    inviting = [voice for voice in voices if voice.lets_in]
    blocking = [voice for voice in voices if not voice.lets_in]
    permits = [
        max((voice.match_for(address) for voice in inviting), default=Match.NO)
        for address in addresses
    ]
    blocks = [
        max((voice.match_for(address) for voice in blocking), default=Match.NO)
        for address in addresses
    ]
    is_open = windows.system.has_rules and merged.number(profile, DEFAULT_INBOUND) == 0
    permit = Match.YES if is_open else min(permits)
    return _Answer(need, permit, max(blocks), voices, addresses)


def _verdict(
    needs: Sequence[Need], purpose: str, merged: MergedFirewall, windows: Windows, origins: Origins
) -> FirewallVerdict:
    switched = _switched_off_or_shut(purpose, needs, merged)
    if switched is not None:
        return switched
    answers = [_answer(need, merged, windows, origins, DOMAIN) for need in needs]
    doubts = [doubt for answer in answers for doubt in answer.doubts()]
    doubts += _unreadable_settings(merged)
    doubts += [f"not everything that {source.name} says was kept" for source in merged.cut]
    doubts = list(dict.fromkeys(doubts))
    blocked = [answer for answer in answers if answer.block is Match.YES]
    if blocked:
        return _blocked(purpose, blocked, doubts)
    missing = [answer for answer in answers if answer.permit is Match.NO and not answer.is_excluded]
    if missing and not _is_silent(answers, merged, windows):
        return _incomplete(purpose, answers, missing, doubts, merged, windows)
    excluded = [answer for answer in answers if answer.is_excluded]
    if excluded:
        return _excluded(purpose, excluded, doubts)
    if missing:
        return _silent(purpose, missing, doubts)
    if doubts:
        return _doubtful(purpose, doubts, answers)
    return _complete(purpose, answers, merged, windows)


def _switched_off_or_shut(
    purpose: str, needs: Sequence[Need], merged: MergedFirewall
) -> FirewallVerdict | None:
    """What the settings of the whole profile decide by themselves."""
    switch = merged.setting(DOMAIN, ENABLE_FIREWALL)
    if switch is not None and switch.value.data == 0:
        return FirewallVerdict(
            State.OPEN,
            f"{switch.source.name} switches the Windows Firewall off: it does not stop {purpose}.",
            remedy=f"{ADMINISTRATOR} switch it on again, with the exceptions that this needs.",
            sources=(switch.source,),
        )
    shield = merged.setting(DOMAIN, NO_EXCEPTIONS)
    if shield is not None and shield.value.data == 1:
        return FirewallVerdict(
            State.BLOCKED,
            f"{shield.source.name} allows no exceptions in the Windows Firewall, so {purpose} "
            "does not get through.",
            missing=tuple(need.title for need in needs),
            blocking=(str(shield),),
            remedy=f"{ADMINISTRATOR} disable Do not allow exceptions in {shield.source.name}.",
            sources=(shield.source,),
        )
    return None


def _unreadable_settings(merged: MergedFirewall) -> list[str]:
    found = []
    for name in (ENABLE_FIREWALL, NO_EXCEPTIONS, DEFAULT_INBOUND, LOCAL_MERGE):
        item = merged.setting(DOMAIN, name)
        if item is not None and problem_of(item.value):
            found.append(f"{item} cannot be read")
    return found


def _may_have_local(answer: _Answer, merged: MergedFirewall, windows: Windows) -> bool:
    """Whether exceptions made on the computer itself would count for a need."""
    if windows.system.has_rules:
        return merged.number(DOMAIN, LOCAL_MERGE) != 0
    if answer.need.kind is Kind.REMOTE_DESKTOP:
        return not any(key == rf"{DOMAIN}\{REMOTE_DESKTOP}" for key, _ in merged.values)
    kind = PORTS if answer.need.kind is Kind.PORT else PROGRAMS
    return not merged.ignores_local_list(DOMAIN, kind)


def _is_silent(answers: Sequence[_Answer], merged: MergedFirewall, windows: Windows) -> bool:
    """Whether policy lets nothing in at all, and leaves it to the computer."""
    return all(
        answer.permit is Match.NO
        and not answer.is_excluded
        and _may_have_local(answer, merged, windows)
        for answer in answers
    )


def _blocked(purpose: str, blocked: Sequence[_Answer], doubts: list[str]) -> FirewallVerdict:
    voices = {voice.source: None for answer in blocked for voice in answer.blockers(Match.YES)}
    titles = listed([answer.need.title for answer in blocked])
    names = listed([str(source) for source in voices])
    return FirewallVerdict(
        State.BLOCKED,
        f"The Windows Firewall blocks {titles}, which {purpose} needs, by {names}.",
        blocking=tuple(str(source) for source in voices),
        doubts=tuple(doubts),
        remedy=f"{ADMINISTRATOR} remove or narrow {names}: what blocks outweighs every exception.",
        sources=tuple(dict.fromkeys(source.source for source in voices)),
    )


def _incomplete(
    purpose: str,
    answers: Sequence[_Answer],
    missing: Sequence[_Answer],
    doubts: list[str],
    merged: MergedFirewall,
    windows: Windows,
) -> FirewallVerdict:
    titles = listed([answer.need.title for answer in missing])
    local = any(_may_have_local(answer, merged, windows) for answer in missing)
    tail = (
        "unless an exception made on the computer itself does"
        if local
        else "and exceptions made on the computer itself do not count"
    )
    return FirewallVerdict(
        State.INCOMPLETE,
        f"No policy lets {titles} through the Windows Firewall, which {purpose} needs, {tail}.",
        missing=tuple(answer.need.title for answer in missing),
        doubts=tuple(doubts),
        remedy=f"{ADMINISTRATOR} add to the domain profile: {titles}.",
        sources=_sources(answers) or merged.sources(),
    )


def _excluded(purpose: str, excluded: Sequence[_Answer], doubts: list[str]) -> FirewallVerdict:
    parts = []
    for answer in excluded:
        inviting = [voice for voice in answer.voices if voice.lets_in]
        scopes = listed([f"{shortened(str(voice.scope))} by {voice.source}" for voice in inviting])
        who = answer.need.origin.value
        outside = listed(
            [
                str(address)
                for address in answer.addresses
                if all(voice.match_for(address) is Match.NO for voice in inviting)
            ]
        )
        parts.append(f"{answer.need.title} is open to {scopes}, not to {who} at {outside}")
    return FirewallVerdict(
        State.EXCLUDED,
        f"The Windows Firewall lets {purpose} in from elsewhere only: {'; '.join(parts)}.",
        missing=tuple(answer.need.title for answer in excluded),
        doubts=tuple(doubts),
        remedy=f"{ADMINISTRATOR} add these addresses to the scope.",
        sources=_sources(excluded),
    )


def _silent(purpose: str, missing: Sequence[_Answer], doubts: list[str]) -> FirewallVerdict:
    titles = listed([answer.need.title for answer in missing])
    return FirewallVerdict(
        State.UNKNOWN,
        f"No policy speaks of the firewall exceptions that {purpose} needs: those made on the "
        "computer itself decide, which cannot be seen from here.",
        missing=tuple(answer.need.title for answer in missing),
        doubts=tuple(doubts),
        remedy=f"{ADMINISTRATOR} define them for the domain profile: {titles}.",
    )


def _doubtful(purpose: str, doubts: list[str], answers: Sequence[_Answer]) -> FirewallVerdict:
    return FirewallVerdict(
        State.UNKNOWN,
        f"Whether the Windows Firewall lets {purpose} in cannot be told: {some(doubts)}.",
        doubts=tuple(doubts),
        remedy=f"{ADMINISTRATOR} say whether that holds for this computer, or make it plain.",
        sources=_sources(answers),
    )


def _complete(
    purpose: str, answers: Sequence[_Answer], merged: MergedFirewall, windows: Windows
) -> FirewallVerdict:
    default = merged.setting(DOMAIN, DEFAULT_INBOUND)
    if windows.system.has_rules and default is not None and default.value.data == 0:
        return FirewallVerdict(
            State.OPEN,
            f"{default.source.name} lets in everything that no rule blocks: the Windows Firewall "
            f"does not stop {purpose}.",
            remedy=f"{ADMINISTRATOR} block by default, with the exceptions that this needs.",
            sources=(default.source,),
        )
    titles = listed([answer.need.title for answer in answers])
    sources = _sources(answers)
    names = listed([source.name for source in sources])
    return FirewallVerdict(
        State.COMPLETE,
        f"{names} {'let' if len(sources) > 1 else 'lets'} in all that {purpose} needs: {titles}.",
        sources=sources,
    )


def _with_standard_profile(
    verdict: FirewallVerdict, merged: MergedFirewall, windows: Windows
) -> FirewallVerdict:
    """Off the domain's network Windows XP goes by the lists of the standard profile."""
    if merged.number(STANDARD, ENABLE_FIREWALL) == 0:
        return verdict
    answers = [_answer(need, merged, windows, {}, STANDARD) for need in OFFER_NEEDS[windows.system]]
    missing = [answer.need.title for answer in answers if answer.permit is Match.NO]
    if not missing:
        return verdict
    note = (
        f"On the standard profile, off the domain's network, no policy lets in {listed(missing)}."
    )
    return replace(verdict, notes=(*verdict.notes, note))


def _sources(answers: Sequence[_Answer]) -> tuple[PolicySource, ...]:
    return tuple(
        dict.fromkeys(voice.source.source for answer in answers for voice in answer.voices)
    )
