"""Security filtering: may a computer read and apply a policy? Pure.

Windows passes a policy over unless its permissions let the computer's token read it and grant the
right Apply Group Policy ([MS-GPOL] 3.2.5.1.5 step 6 and 3.2.5.1.6 step 3). Entries are gone through
in the order in which they are stored, and the first that speaks of a right to a SID of the token
decides ([MS-DTYP] 2.5.3.2): usually, not always, denying ones come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass

from directory.ldap.security_descriptor import (
    GENERIC_ALL,
    GENERIC_READ,
    INHERIT_ONLY,
    READ_PROPERTY,
    AccessControlEntry,
)

Speaks = Callable[[AccessControlEntry], bool]


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a token has what a policy asks for.

    Attributes:
        is_granted: None when it depends on SIDs of which it is not known whether they are in the
            token, or on a condition.
        depends_on: Those SIDs.
    """

    is_granted: bool | None
    depends_on: frozenset[str] = frozenset()


def may_apply(
    entries: Iterable[AccessControlEntry] | None, token: Set[str], undetermined: Set[str]
) -> Access:
    """Whether a token may read and apply a policy.

    Args:
        entries: Of the policy's DACL, in their order; None when there is no DACL.
        token: The SIDs that the computer holds.
        undetermined: SIDs that it may hold. Any other SID is one that it does not.
    """
    if entries is None:
        return Access(True)
    effective = [entry for entry in entries if not entry.flags & INHERIT_ONLY]
    answers = [
        _check(effective, token, undetermined, speaks) for speaks in (_speaks_of_read, _grants)
    ]
    if any(answer.is_granted is False for answer in answers):
        return Access(False)
    if all(answer.is_granted for answer in answers):
        return Access(True)
    return Access(None, frozenset().union(*(answer.depends_on for answer in answers)))


def named_sids(entries: Iterable[AccessControlEntry] | None) -> frozenset[str]:
    """The SIDs on which it can depend whether somebody may read or apply a policy."""
    return frozenset(
        entry.sid
        for entry in entries or ()
        if not entry.flags & INHERIT_ONLY and (_speaks_of_read(entry) or _grants(entry))
    )


def _grants(entry: AccessControlEntry) -> bool:
    return entry.grants_apply


def _speaks_of_read(entry: AccessControlEntry) -> bool:
    """Allowing some attributes only is not enough to read a policy; denying some may be too much.

    Which attributes stand behind an object type is not looked at.
    """
    reads = entry.mask & (READ_PROPERTY | GENERIC_READ | GENERIC_ALL)
    return bool(reads) and (entry.object_type is None or entry.is_deny)


def _check(
    entries: Iterable[AccessControlEntry], token: Set[str], undetermined: Set[str], speaks: Speaks
) -> Access:
    possible: set[bool] = set()
    depends_on: set[str] = set()
    for entry in entries:
        if not speaks(entry) or not (entry.sid in token or entry.sid in undetermined):
            continue
        possible.add(not entry.is_deny)
        if entry.sid in token and not entry.is_conditional and not _is_partial(entry, speaks):
            break
        depends_on.add(entry.sid)
    else:
        possible.add(False)
    if len(possible) == 1:
        return Access(possible.pop())
    return Access(None, frozenset(depends_on))


def _is_partial(entry: AccessControlEntry, speaks: Speaks) -> bool:
    return speaks is _speaks_of_read and entry.object_type is not None
