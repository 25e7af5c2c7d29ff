"""Resource-based delegation: may an account act for others at a computer? Pure.

The KDC of the computer's domain makes an access check of the account's token, as its TGT has it,
with msDS-AllowedToActOnBehalfOfOtherIdentity ([MS-SFU] 3.2.5.2.3), entry by entry ([MS-DTYP]
2.5.3.2). Which right it asks for is not in the specification: Windows' tools write all of them, and
its KDC was seen by Samba's authors to ask for RIGHT_DS_CONTROL_ACCESS.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from directory.trusts import Effect
from directory.trusts.selective import Entries, may_authenticate

LOCAL_GROUPS = "whether a domain local group counts there is not documented"
UNKNOWN_KIND = "an entry is of a kind that the portal does not know"


@dataclass(frozen=True)
class Acting:
    """Whether an account may act for others at a computer.

    Attributes:
        effect: ``unknown`` where it cannot be told.
        sid: Whose entry decides; empty where none speaks of the account.
        reason: Why it cannot be told.
    """

    effect: Effect
    sid: str = ""
    reason: str = ""


def may_act(entries: Entries, sids: Collection[str], local_sids: Collection[str] = ()) -> Acting:
    """What a computer's attribute says of an account.

    Args:
        entries: Kind and SID of each entry, in the stored order; a text says why they could not be
            read, None that they were not.
        sids: The account's token as its TGT has it: without domain local groups.
        local_sids: The domain local groups that it gets at computers of that domain.
    """
    found = may_authenticate(entries, sids)
    if found.effect is not Effect.UNKNOWN and local_sids:
        with_local = may_authenticate(entries, {*sids, *local_sids})
        if with_local.effect is not found.effect:
            return Acting(Effect.UNKNOWN, with_local.sid, LOCAL_GROUPS)
    unclear = UNKNOWN_KIND if found.effect is Effect.UNKNOWN else ""
    return Acting(found.effect, found.sid, found.reason or unclear)
