"""Selective authentication: may an account authenticate to a computer? Pure.

Over a trust with CROSS_ORGANIZATION the KDC of the computer's domain asks the computer object's
permissions for *Allowed to Authenticate* ([MS-KILE] 3.3.5.7.5), entry by entry ([MS-DTYP] 2.5.3.2,
[MS-ADTS] 5.1.3.3.4).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from directory.ldap.security_descriptor import (
    ALLOW,
    ALLOW_IF,
    DENY,
    DENY_IF,
)
from directory.trusts.shapes import Effect

Entries = Sequence[Sequence[str]] | str | None
_CERTAIN = {ALLOW: Effect.ALLOW, DENY: Effect.DENY}
_PERHAPS = {ALLOW_IF: Effect.ALLOW, DENY_IF: Effect.DENY}


@dataclass(frozen=True)
class Authentication:
    """Whether an account may authenticate to a computer.

    Attributes:
        effect: ``unknown`` where it cannot be told.
        sid: Whose entry decides; empty where none speaks of the account.
        reason: Why it cannot be told.
    """

    effect: Effect
    sid: str = ""
    reason: str = ""


def may_authenticate(entries: Entries, sids: Collection[str]) -> Authentication:
    """What a computer's permissions say of an account.

    Args:
        entries: Kind and SID of what speaks of the right, in the stored order; a text says why it
            could not be read, None that it was not.
        sids: The account's token.
    """
    if entries is None:
        return Authentication(Effect.UNKNOWN, reason="they have not been read")
    if isinstance(entries, str):
        return Authentication(Effect.UNKNOWN, reason=entries)
    perhaps = set[Effect]()
    for kind, sid in entries:
        if sid not in sids:
            continue
        if kind in _PERHAPS:
            perhaps.add(_PERHAPS[kind])
            continue
        effect = _CERTAIN.get(kind, Effect.UNKNOWN)
        return _unless(perhaps - {effect}, Authentication(effect, sid))
    return _unless(perhaps - {Effect.DENY}, Authentication(Effect.DENY))


def _unless(other: Collection[Effect], found: Authentication) -> Authentication:
    if not other:
        return found
    return Authentication(Effect.UNKNOWN, found.sid, "an entry has a condition")
