"""The values that any kit writes, so that another choice can take back what an earlier one left.

What other hands wrote stays: an exception or rule is the kit's where it says what a kit says. The
switch of a list and the exception for Remote Desktop cannot be told from other hands' work, so
they are none of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from directory.grouppolicy.kit.choice import Generation, KitChoice, Profile
from directory.grouppolicy.kit.values import REMOTE_ASSISTANCE, RULES, kit_values
from directory.grouppolicy.registry_pol import RegistryPolicyEntry

# Any helper will do: the list is written anew by every kit.
ANYBODY = (r"DOMAIN\helpers",)
LIST = r"\list"
SETTINGS = ("LoggingEnabled", "UseCustomMessages", "ShareControlMessage", "ViewMessage")


@dataclass(frozen=True)
class OwnedValue:
    """A value that is the kit's to take back.

    Attributes:
        key: Below the computer's registry.
        name: Of the value.
        texts: It is the kit's where it has one of these; none: whatever it has.
    """

    key: str
    name: str
    texts: tuple[str, ...] = ()


def values_to_remove(entries: Sequence[RegistryPolicyEntry]) -> tuple[OwnedValue, ...]:
    """What a kit may have written and these values do not set.

    Args:
        entries: The values of the present choice.
    """
    kept = {(entry.key.lower(), entry.name.lower()) for entry in entries}
    return tuple(value for value in _owned() if (value.key.lower(), value.name.lower()) not in kept)


def _owned() -> Iterator[OwnedValue]:
    for name in SETTINGS:
        yield OwnedValue(REMOTE_ASSISTANCE, name)
    texts: dict[tuple[str, str], dict[str, None]] = {}
    for choice in _choices():
        for entry in kit_values(choice):
            if (entry.key == RULES or entry.key.lower().endswith(LIST)) and entry.text:
                texts.setdefault((entry.key, entry.name), {})[entry.text] = None
    for (key, name), said in texts.items():
        yield OwnedValue(key, name, tuple(said))


def _choices() -> Iterator[KitChoice]:
    profiles = ({Profile.DOMAIN}, {Profile.STANDARD}, set(Profile))
    for generation, where in product(Generation, profiles):
        yield KitChoice(
            name="any",
            control=False,
            helpers=ANYBODY,
            profiles=frozenset(where),
            generations=frozenset({generation}),
            event_log=generation is Generation.VISTA,
        )
