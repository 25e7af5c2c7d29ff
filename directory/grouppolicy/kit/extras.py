"""What a policy says of Remote Assistance and the firewall that was not chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from directory.grouppolicy.firewall.legacy import parse_port_exception, parse_program_exception
from directory.grouppolicy.firewall.rules import parse_rule
from directory.grouppolicy.firewall.values import (
    DEFAULT_INBOUND,
    ENABLE_FIREWALL,
    ENABLED,
    LOCAL_MERGE,
    NO_EXCEPTIONS,
    PORTS,
    PROGRAMS,
    REMOTE_ADDRESSES,
    REMOTE_ADMINISTRATION,
    REMOTE_DESKTOP,
    RULES,
    STANDARD,
    USER_MERGE,
    FirewallPolicy,
    PolicyValue,
    problem_of,
)

# What each value does: RemoteAssistance.admx, MicrosoftDocs policy-csp-remoteassistance.md. That
# refused invitations made offers fail: KB826088, KB301527.
SETTINGS: dict[tuple[str, int], str] = {
    ("fAllowToGetHelp", 1): "users may ask for help by invitations",
    ("fAllowToGetHelp", 0): (
        "users may not ask for help, which makes offers fail on Windows XP before Service Pack 2"
    ),
    ("fAllowFullControl", 1): "whom users invite may ask for control",
    ("fAllowFullControl", 0): "whom users invite may only view",
    ("LoggingEnabled", 1): "sessions are logged on the computer",
    ("LoggingEnabled", 0): "sessions are not logged on the computer",
    ("UseCustomMessages", 1): "users read messages of its own",
    ("CreateEncryptedOnlyTickets", 1): "invitations are for Windows Vista and later only",
}
INVITATIONS = frozenset({"MaxTicketExpiry", "MaxTicketExpiryUnits", "fUseMailto"})
MESSAGES = {
    "ShareControlMessage": "users read this before they share control",
    "ViewMessage": "users read this before they show their screen",
}


def further_settings(
    wanted: Collection[str], found: Mapping[str, int | str | None]
) -> Iterator[str]:
    """A sentence for each further value of Remote Assistance.

    Args:
        wanted: Names that are compared elsewhere.
        found: The policy's values.
    """
    for name, value in found.items():
        if name in wanted:
            continue
        if value is None:
            yield f"It takes {name} of other policies away, which was not chosen."
        else:
            yield f"It sets {name} to {value}, which was not chosen: {_meaning(name, value)}."


def _meaning(name: str, value: int | str) -> str:
    if isinstance(value, int) and (meaning := SETTINGS.get((name, value))):
        return meaning
    if name in INVITATIONS:
        return "it is for invitations, not for offers"
    return MESSAGES.get(name, "another value of Remote Assistance")


def further_firewall(wanted: FirewallPolicy, found: FirewallPolicy) -> Iterator[tuple[str, str]]:
    """A code and a sentence for each further thing it says that reaches offers or the event log.

    Args:
        wanted: What the choice comes to.
        found: The policy's word.
    """
    chosen = {value.place for value in wanted.values}
    for value in found.values:
        if value.place not in chosen and (said := _said(value)):
            yield said
    for value in found.soft:
        yield "firewall_added", f"{_named(value)} is set where nothing else sets it: {value.data}."
    for removal in found.removals:
        what = removal.name or "everything"
        where = removal.key or "all keys"
        yield "firewall_removed", f"It takes {what} ({where}) of other policies' firewall away."
    if found.is_cut:
        yield "firewall_cut", "It says more of the firewall than is read; the rest is not compared."


def _said(value: PolicyValue) -> tuple[str, str] | None:
    if problem := problem_of(value):
        return "firewall_unreadable", f"{_named(value)} cannot be read: {problem}."
    profile, _, below = value.key.partition("\\")
    if value.key == RULES:
        return _rule(value)
    if below.endswith(r"\list"):
        return _exception(value, is_port=below.startswith(PORTS))
    network = "in other networks" if profile == STANDARD else "in the domain's network"
    meaning = _setting(below, value)
    return None if meaning is None else ("firewall_added", f"{meaning} {network}.")


def _rule(value: PolicyValue) -> tuple[str, str] | None:
    rule = parse_rule(str(value.data))
    if not rule.is_active or rule.direction == "out":
        return None
    if rule.action == "block":
        return "firewall_blocks", f"The rule {value.name} blocks what was not chosen: {value.data}"
    return "firewall_added", f"The rule {value.name} lets in more than was chosen: {value.data}"


def _exception(value: PolicyValue, *, is_port: bool) -> tuple[str, str]:
    text = str(value.data)
    found = parse_port_exception(text) if is_port else parse_program_exception(text)
    what = "port" if is_port else "program"
    if found.is_enabled:
        return "firewall_added", f"It opens the {what} {text} ({value.key}), which was not chosen."
    return "firewall_blocks", f"It closes the {what} {text} ({value.key}) to all."


def _setting(below: str, value: PolicyValue) -> str | None:
    """What a setting does; None where it opens and closes nothing."""
    name = value.name.lower()
    is_on = value.data != 0
    meanings = {
        ("", ENABLE_FIREWALL, False): "The firewall is switched off",
        ("", NO_EXCEPTIONS, True): "The firewall lets no exception through",
        ("", DEFAULT_INBOUND, False): "The firewall lets in what no rule blocks",
        ("", LOCAL_MERGE, False): "The computers' own firewall rules are ignored",
        (PORTS, USER_MERGE, True): "The computers' own port exceptions count too",
        (PROGRAMS, USER_MERGE, True): "The computers' own program exceptions count too",
        (PORTS, ENABLED, True): "Its list of port exceptions replaces the computers' own",
        (PROGRAMS, ENABLED, True): "Its list of program exceptions replaces the computers' own",
        (REMOTE_DESKTOP, ENABLED, True): "Remote Desktop, which was not chosen, is let in",
        (REMOTE_ADMINISTRATION, ENABLED, True): (
            "Remote administration, which opens more than offers need, is let in"
        ),
    }
    if name == REMOTE_ADDRESSES:
        return None
    return meanings.get((below, name, is_on))


def _named(value: PolicyValue) -> str:
    return f"The firewall's {value.name} ({value.key})"
