"""What a Group Policy object says about Remote Assistance.

Key and values: RemoteAssistance.admx; MicrosoftDocs policy-csp-remoteassistance.md. Instructions
such as ``**delvals.``: [MS-GPREG] 3.2.5.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from directory.grouppolicy.instructions import (
    DELETE_ALL_VALUES,
    DELETE_KEYS,
    DELETE_VALUE,
    DELETE_VALUES,
    SOFT,
)
from directory.grouppolicy.registry_pol import RegistryPolicyEntry

KEY = r"software\policies\microsoft\windows nt\terminal services"
HELPERS_KEY = KEY + r"\raunsolicit"
OFFERS = "fallowunsolicited"
CONTROL = "fallowunsolicitedfullcontrol"
ASKING = "fAllowToGetHelp"  # Solicited Remote Assistance
OTHER_VALUES = {
    name.lower(): name
    for name in (
        "fAllowToGetHelp",
        "fAllowFullControl",
        "MaxTicketExpiry",
        "MaxTicketExpiryUnits",
        "fUseMailto",
        "LoggingEnabled",
        "CreateEncryptedOnlyTickets",
        "UseCustomMessages",
        "ShareControlMessage",
        "ViewMessage",
        "UseBandwidthOptimization",
        "OptimizeBandwidth",
    )
}


@dataclass(frozen=True)
class ListedHelper:
    """One value below RAUnsolicit; the editor writes name and data alike."""

    name: str
    data: str

    @property
    def is_consistent(self) -> bool:
        return self.name.lower() == self.data.lower()


@dataclass(frozen=True)
class RemoteAssistancePolicy:
    """One policy's word on Offer Remote Assistance. None: it does not say.

    Attributes:
        offers_allowed: fAllowUnsolicited. Anything but the number 1 does not allow.
        offers_removed: It removes what an earlier policy set.
        control_allowed: fAllowUnsolicitedFullControl.
        control_removed: As for offers.
        helpers: Its helper list, in order.
        replaces_helpers: The list of earlier policies is removed first (``**delvals.``).
        removed_helpers: Single names that are removed from earlier lists.
        has_soft_values: It sets something only where nothing is set: not resolved here.
        other: Further values of the same key, by name; None removes what an earlier policy set.
    """

    offers_allowed: bool | None = None
    offers_removed: bool = False
    control_allowed: bool | None = None
    control_removed: bool = False
    helpers: tuple[ListedHelper, ...] = ()
    replaces_helpers: bool = False
    removed_helpers: tuple[str, ...] = ()
    has_soft_values: bool = False
    other: dict[str, int | str | None] = field(default_factory=dict)


class _Collector:
    """Carries the instructions out in order, as Windows does with the registry."""

    def __init__(self) -> None:
        self.settings: dict[str, bool] = {}
        self.removed: set[str] = set()
        self.helpers: dict[str, ListedHelper] = {}
        self.replaces_helpers = False
        self.removed_helpers: dict[str, None] = {}
        self.has_soft_values = False
        self.other: dict[str, int | str | None] = {}

    def value(self, entry: RegistryPolicyEntry) -> None:
        name = entry.name.lower()
        if name in (OFFERS, CONTROL):
            self.settings[name] = entry.dword == 1
            self.removed.discard(name)
        elif name in OTHER_VALUES:
            data = entry.dword if entry.dword is not None else entry.text
            if data is not None:
                self.other[OTHER_VALUES[name]] = data

    def remove_value(self, name: str) -> None:
        name = name.lower()
        if name in (OFFERS, CONTROL):
            self.settings.pop(name, None)
            self.removed.add(name)
        elif name in OTHER_VALUES:
            self.other[OTHER_VALUES[name]] = None

    def remove_all_values(self) -> None:
        for name in (OFFERS, CONTROL, *OTHER_VALUES):
            self.remove_value(name)

    def helper(self, entry: RegistryPolicyEntry) -> None:
        # Data that is no text names nobody, yet the line is there and must be shown.
        data = entry.text if entry.text is not None else ""
        self.helpers[entry.name.lower()] = ListedHelper(entry.name, data)
        self.removed_helpers.pop(entry.name.lower(), None)

    def remove_helper(self, name: str) -> None:
        self.helpers.pop(name.lower(), None)
        self.removed_helpers[name.lower()] = None

    def remove_all_helpers(self) -> None:
        self.helpers.clear()
        self.removed_helpers.clear()
        self.replaces_helpers = True


def read_remote_assistance(entries: Iterable[RegistryPolicyEntry]) -> RemoteAssistancePolicy:
    """What the entries of one Registry.pol say about Remote Assistance.

    Args:
        entries: In the order of the file.
    """
    collector = _Collector()
    for entry in entries:
        key = entry.key.strip("\\").lower()
        if key == KEY:
            _carry_out_on_settings(collector, entry)
        elif key == HELPERS_KEY:
            _carry_out_on_helpers(collector, entry)
        elif KEY.startswith(key) and entry.name.lower() == DELETE_KEYS:
            _delete_keys(collector, key, entry)
    return RemoteAssistancePolicy(
        offers_allowed=collector.settings.get(OFFERS),
        offers_removed=OFFERS in collector.removed,
        control_allowed=collector.settings.get(CONTROL),
        control_removed=CONTROL in collector.removed,
        helpers=tuple(collector.helpers.values()),
        replaces_helpers=collector.replaces_helpers,
        removed_helpers=tuple(collector.removed_helpers),
        has_soft_values=collector.has_soft_values,
        other=collector.other,
    )


def _carry_out_on_settings(collector: _Collector, entry: RegistryPolicyEntry) -> None:
    name = entry.name.lower()
    if name.startswith(DELETE_ALL_VALUES):
        collector.remove_all_values()
    elif name == DELETE_VALUES:
        for value in (entry.text or "").split(";"):
            collector.remove_value(value.strip())
    elif name == DELETE_KEYS:
        _delete_keys(collector, KEY, entry)
    elif name.startswith(DELETE_VALUE):
        collector.remove_value(name.removeprefix(DELETE_VALUE))
    elif name.startswith(SOFT):
        # The key holds much else of Remote Desktop, which does not matter here.
        collector.has_soft_values |= name.removeprefix(SOFT) in (OFFERS, CONTROL, *OTHER_VALUES)
    else:
        collector.value(entry)


def _carry_out_on_helpers(collector: _Collector, entry: RegistryPolicyEntry) -> None:
    name = entry.name.lower()
    if name.startswith(DELETE_ALL_VALUES):
        collector.remove_all_helpers()
    elif name == DELETE_VALUES:
        for value in (entry.text or "").split(";"):
            collector.remove_helper(value.strip())
    elif name.startswith(DELETE_VALUE):
        collector.remove_helper(entry.name[len(DELETE_VALUE) :])
    elif name.startswith(SOFT):
        collector.has_soft_values = True
    elif name and not name.startswith("**"):
        collector.helper(entry)


def _delete_keys(collector: _Collector, key: str, entry: RegistryPolicyEntry) -> None:
    for child in (entry.text or "").split(";"):
        target = f"{key}\\{child.strip().lower()}".rstrip("\\")
        if f"{KEY}\\".startswith(f"{target}\\"):
            collector.remove_all_values()
            collector.remove_all_helpers()
        elif target == HELPERS_KEY:
            collector.remove_all_helpers()
