"""Names and lists as a sentence can hold them: a policy may have hundreds, of any length."""

from __future__ import annotations

from collections.abc import Sequence

CHARACTERS = 120
ITEMS = 5


def shortened(text: str) -> str:
    """A text from a policy, cut."""
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]}..."


def listed(items: Sequence[str]) -> str:
    """``a, b and c``; at least one item."""
    found = _first(items)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def some(items: Sequence[str]) -> str:
    """Clauses, with semicolons."""
    return "; ".join(_first(items))


def _first(items: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(items))
    rest = len(found) - ITEMS
    return found if rest <= 1 else [*found[:ITEMS], f"{rest} more"]
