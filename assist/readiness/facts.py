"""What the checks of one computer rest on, as values: no Django, no database, no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from assist.eligibility.decision import Reference
from assist.eligibility.facts import (
    Caller,
    ComputerFacts,
    FirewallFacts,
    HardeningValue,
    PolicyFacts,
)
from directory.delegation import Acting


@dataclass(frozen=True)
class NameFacts:
    """What DNS and the zones of the directory say of a computer's name.

    Attributes:
        dns_name: dNSHostName; empty where the directory has none.
        addresses: What the domain's DNS servers answered; None: they were not asked.
        error: Why they gave no answer; empty where they did.
        reverse: By address, the names that its reverse zone gives; None: no answer.
        permitted: The addresses that lie in NOVICE_SUBNETS, in the order of the answer.
        zone_addresses: What the zones in the directory held at the last synchronisation.
        claimed_by: By address, other computers whose names have it in these zones.
    """

    dns_name: str
    addresses: tuple[str, ...] | None = None
    error: str = ""
    reverse: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    permitted: tuple[str, ...] = ()
    zone_addresses: frozenset[str] = frozenset()
    claimed_by: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ExporterFacts:
    """What port 135 of a computer answered.

    Attributes:
        address: Which address was tried.
        is_connected: A TCP connection came about.
        is_answering: Its object exporter answered ServerAlive2, or refused to by an RPC fault.
        sentence: What went wrong; empty where nothing did.
        refusal: The status of the fault by which it refused, or None.
        host_names: The names and addresses by which it says it can be reached.
        clock_skew: How far its clock is ahead of the worker's; None: it did not say.
    """

    address: str
    is_connected: bool = False
    is_answering: bool = False
    sentence: str = ""
    refusal: int | None = None
    host_names: tuple[str, ...] = ()
    clock_skew: timedelta | None = None


@dataclass(frozen=True)
class DelegationFacts:
    """How the portal's account may act for somebody at the computer.

    Attributes:
        is_needed: The portal calls computers as the expert, not as its own account.
        names: msDS-AllowedToDelegateTo of the portal's account; None: not in the picture.
        is_same_domain: The computer is in the domain of the portal's account.
        acting: What the computer's msDS-AllowedToActOnBehalfOfOtherIdentity says of the account;
            None: nobody may act for others there.
        deciding: Whose entry of it decides, where the directory has that.
        account: The account; None where the directory does not have it.
    """

    is_needed: bool
    names: tuple[str, ...] | None
    is_same_domain: bool = True
    acting: Acting | None = None
    deciding: Reference | None = None
    account: Reference | None = None


@dataclass(frozen=True)
class WindowsEventFacts:
    """One event of the computer's RemoteAssistance log, as a collector delivered it."""

    event_id: int
    at: datetime
    process_id: int | None = None


@dataclass(frozen=True)
class LiveFacts:
    """What a look at the computer's logon sessions brought, which a person asked for.

    Attributes:
        users: Who works there, as ``DOMAIN\\user``; None: it did not come to that.
        code: The error's code, where it did not.
        sentence: What went wrong.
        remedy: What to do.
    """

    users: tuple[str, ...] | None
    code: str = ""
    sentence: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class ReadinessFacts:
    """All of it. It has what the rules of eligibility ask of a computer, without an expert."""

    computer: ComputerFacts
    administrators_sid: str
    policy: PolicyFacts
    caller: Caller
    firewall: FirewallFacts
    hardening: tuple[HardeningValue, ...]
    last_logon_at: datetime | None
    service_principal_names: frozenset[str]
    duplicate_holders: dict[str, tuple[str, ...]]
    delegation: DelegationFacts
    logs_sessions: bool
    events: tuple[WindowsEventFacts, ...]
    active_offer: Reference | None
    reader_groups: Reference | None
    names: NameFacts
    exporter: ExporterFacts | None
    live: LiveFacts | None
    now: datetime
