"""How many people groups let in: every group asked about by the same statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import connection

from directory.membership import PAST_SIDS, WELL_KNOWN, walked
from directory.models import Account, Group
from directory.statements import marks, rows

# As directory.membership.members_of, with the group at which each walk began.
_BELOW = """
WITH RECURSIVE entered(root, guid, sid) AS (
    SELECT target.sid, target.guid, target.sid
      FROM directory_group target
     WHERE target.sid IN ({groups}) AND {entered}
    UNION
    SELECT entered.root, target.guid, target.sid
      FROM entered {edges_of_group} {member_of_edge}
     WHERE {entered}
)
"""
_HOLD_EVERYBODY = """
SELECT DISTINCT entered.root FROM entered
  JOIN directory_membership edge ON edge.group_id = entered.guid
 WHERE edge.member_sid IN (%s, %s)
"""
_COUNTED = """
SELECT root, COUNT(*) FROM (
    SELECT entered.root, account.guid FROM entered
      JOIN directory_membership edge ON edge.group_id = entered.guid
      JOIN directory_account account ON account.sid = edge.member_sid
     WHERE account.is_present AND account.is_enabled
    UNION
    SELECT entered.root, account.guid FROM entered
      JOIN directory_account account ON account.primary_group_sid = entered.sid
     WHERE account.is_present AND account.is_enabled
    UNION
    SELECT entered.root, account.guid
      FROM directory_account account, {past_sids}, directory_membership edge, entered
     WHERE account.sid_history <> '[]' AND account.is_present AND account.is_enabled
       AND edge.member_sid = past.value AND entered.guid = edge.group_id
) people GROUP BY root
"""


def people_in_each(groups: Iterable[Group]) -> Mapping[str, int]:
    """Enabled accounts in each of some groups, directly or through others; three queries.

    Args:
        groups: Distribution groups, those that are gone and those of BUILTIN hold nobody.

    Returns:
        By the group's SID; groups that hold nobody are left out.
    """
    sids = sorted({group.sid for group in groups})
    if not sids:
        return {}
    below = walked(_BELOW, groups=marks(sids))
    counted = _COUNTED.format(past_sids=PAST_SIDS[connection.vendor])
    found = {str(sid): int(number) for sid, number in rows(below + counted, sids)}
    holding_everybody = rows(below + _HOLD_EVERYBODY, (*sids, *WELL_KNOWN))
    if holding_everybody:
        everybody = Account.objects.filter(is_present=True, is_enabled=True).count()
        found |= {str(sid): everybody for (sid,) in holding_everybody}
    return found
