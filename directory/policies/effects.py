"""What the values of the Remote Assistance policies do, in sentences for a person. Pure.

Names and effects: RemoteAssistance.admx and its texts (MicrosoftDocs, policy-csp-remoteassistance
and ADMX_RemoteAssistance).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from directory.policies.shapes import CONTROL, OFFERS, ResultantPolicy, ResultantValue, Value

REGISTRY_NAMES = {OFFERS: "fAllowUnsolicited", CONTROL: "fAllowUnsolicitedFullControl"}
UNITS = {0: "minutes", 1: "hours", 2: "days"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One value in force, as a person would read it.

    Attributes:
        policy_name: What the Group Policy editor calls the policy it belongs to.
        registry_name: The name of the registry value.
        shown: The value itself.
        sentence: What it does on the computer.
        value: Where it comes from, what it overrode and what could change it.
    """

    policy_name: str
    registry_name: str
    shown: str
    sentence: str
    value: ResultantValue


Sentence = Callable[[Value, Mapping[str, ResultantValue]], str]


@dataclass(frozen=True, slots=True)
class _Described:
    policy_name: str
    sentence: Sentence


def _yes_or_no(yes: str, no: str) -> Sentence:
    return lambda value, _: yes if value == 1 else no


def _always(sentence: str) -> Sentence:
    return lambda value, _: sentence


def _expiry(value: Value, values: Mapping[str, ResultantValue]) -> str:
    unit = values.get("MaxTicketExpiryUnits")
    word = UNITS.get(unit.value) if unit is not None and isinstance(unit.value, int) else None
    if word is None:
        return f"An invitation that a user makes is good for {value}; of which unit is not set."
    return f"An invitation that a user makes is good for {value} {word}."


def _message(when: str) -> Sentence:
    def sentence(value: Value, values: Mapping[str, ResultantValue]) -> str:
        switch = values.get("UseCustomMessages")
        if switch is None or switch.value != 1:
            return "It is not shown: Customize warning messages is not enabled."
        return f"The user reads this text {when}."

    return sentence


OFFER, SOLICITED = "Configure Offer Remote Assistance", "Configure Solicited Remote Assistance"
MESSAGES, BANDWIDTH = "Customize warning messages", "Turn on bandwidth optimization"
VISTA_ONLY = "Allow only Windows Vista or later connections"

SETTINGS: Mapping[str, _Described] = {
    OFFERS: _Described(
        OFFER,
        _yes_or_no("Helpers may offer help on this computer.", "Windows refuses every offer."),
    ),
    CONTROL: _Described(
        OFFER,
        _yes_or_no(
            "Helpers may view the screen and, when the user agrees, control the computer.",
            "Helpers may view the screen only.",
        ),
    ),
    "fAllowToGetHelp": _Described(
        SOLICITED,
        _yes_or_no(
            "Users may ask for help with an invitation of their own.",
            "Users cannot ask for help. Offers do not depend on it, except on Windows XP before "
            "Service Pack 2 and Windows Server 2003 before Service Pack 1.",
        ),
    ),
    "fAllowFullControl": _Described(
        SOLICITED,
        _yes_or_no(
            "Whom a user invites may control the computer.",
            "Whom a user invites may view the screen only.",
        ),
    ),
    "MaxTicketExpiry": _Described(SOLICITED, _expiry),
    "MaxTicketExpiryUnits": _Described(
        SOLICITED, _always("The unit in which the life of invitations is counted.")
    ),
    "fUseMailto": _Described(
        SOLICITED,
        _yes_or_no(
            "Invitations go by mail as a link (Mailto).",
            "Invitations go by mail as an attachment (Simple MAPI).",
        ),
    ),
    "LoggingEnabled": _Described(
        "Turn on session logging",
        _yes_or_no(
            "Every session is logged in the user's documents; where the log cannot be written, "
            "Remote Assistance ends (event 12).",
            "Sessions are not logged in the user's documents; the event log is not affected.",
        ),
    ),
    "CreateEncryptedOnlyTickets": _Described(
        VISTA_ONLY,
        _yes_or_no(
            "Only Windows Vista and later can open invitations that users make. Offers are not "
            "affected.",
            "Older systems can open invitations that users make. Offers are not affected.",
        ),
    ),
    "UseCustomMessages": _Described(
        MESSAGES,
        _yes_or_no(
            "The user reads texts of your own before being viewed and before sharing control.",
            "The user reads the texts of Windows.",
        ),
    ),
    "ViewMessage": _Described(MESSAGES, _message("before a helper views the screen")),
    "ShareControlMessage": _Described(MESSAGES, _message("before sharing control")),
    "UseBandwidthOptimization": _Described(
        BANDWIDTH,
        _yes_or_no(
            "The user's screen is simplified while a helper views it, to save bandwidth.",
            "The user's screen is not simplified by policy.",
        ),
    ),
    "OptimizeBandwidth": _Described(
        BANDWIDTH, _always("How far it is simplified; what the numbers mean is not documented.")
    ),
}
NOT_CONFIGURED: Mapping[str, str] = {
    OFFERS: "No policy allows offers, and then Windows refuses them.",
    CONTROL: "No policy says, so helpers may not control the computer.",
}


def settings_in_force(policy: ResultantPolicy) -> Iterator[Setting]:
    """The values in force in the order of the editor, each with what it does.

    Args:
        policy: Of a computer. Offers and control are always among the answers, other values where
            some policy on the way speaks of them.
    """
    for name, described in SETTINGS.items():
        found = policy.values.get(name)
        if found is None:
            continue
        if found.value is None:
            sentence = NOT_CONFIGURED.get(name, "No policy sets it any more: a policy removes it.")
        else:
            sentence = described.sentence(found.value, policy.values)
        yield Setting(
            policy_name=described.policy_name,
            registry_name=REGISTRY_NAMES.get(name, name),
            shown=shown_value(found.value),
            sentence=sentence,
            value=found,
        )


def shown_value(value: Value) -> str:
    """A value for a person's eye."""
    if value is None:
        return "not configured"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
