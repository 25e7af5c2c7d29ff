"""Rules for protected computers, for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from assist.models import ProtectionRule
from assist.protection import RuleChoice, protection_save
from tests.assist.cast import NOW, Cast


def add_rule(cast: Cast, name: str = "Tills", **choice: Any) -> ProtectionRule:
    """A rule that an operator made yesterday."""
    return protection_save(
        actor=cast.actor("ooperator"),
        choice=RuleChoice(name=name, **choice),
        now=NOW - timedelta(days=1),
    )
