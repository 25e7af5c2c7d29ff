"""A closure table: every group with every group above it, kept as rows."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from django.db import connection

from directory.membership import WELL_KNOWN

ENTERED = "target.is_present AND target.is_security AND target.sid NOT LIKE 'S-1-5-32-%%'"

ABOVE = """
WITH RECURSIVE above(member_id, group_id, sid) AS (
    SELECT target.guid, target.guid, target.sid
      FROM directory_group target WHERE {start} AND {entered}
    UNION
    SELECT above.member_id, target.guid, target.sid
      FROM above
      JOIN directory_membership edge ON edge.member_sid = above.sid
      JOIN directory_group target ON target.guid = edge.group_id
     WHERE {entered}
)
SELECT member_id, group_id FROM above
"""

IS_MEMBER = """
SELECT 1 FROM directory_membership edge JOIN bench_closure above ON above.member_id = edge.group_id
 WHERE edge.member_sid IN (%s, %s, %s) AND above.group_id = %s
UNION ALL
SELECT 1 FROM directory_group target JOIN bench_closure above ON above.member_id = target.guid
 WHERE target.sid = %s AND above.group_id = %s
LIMIT 1
"""

GROUPS_OF = """
SELECT above.group_id
  FROM directory_membership edge JOIN bench_closure above ON above.member_id = edge.group_id
 WHERE edge.member_sid IN (%s, %s, %s)
UNION
SELECT above.group_id
  FROM directory_group target JOIN bench_closure above ON above.member_id = target.guid
 WHERE target.sid = %s
"""


def build() -> int:
    """Fills the table from the edges; returns its number of rows."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_closure")
        cursor.execute("CREATE TABLE bench_closure (member_id uuid, group_id uuid)")
        cursor.execute(
            "INSERT INTO bench_closure " + ABOVE.format(start="TRUE", entered=ENTERED), ()
        )
        rows = int(cursor.rowcount)
        cursor.execute("ALTER TABLE bench_closure ADD PRIMARY KEY (member_id, group_id)")
        cursor.execute("CREATE INDEX ON bench_closure (group_id, member_id)")
        cursor.execute("ANALYZE bench_closure")
    return rows


def size_mb() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('bench_closure') / 1048576.0")
        return float(cursor.fetchone()[0])


def is_member(sid: str, primary_group_sid: str, group: uuid.UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(IS_MEMBER, (sid, *WELL_KNOWN, group, primary_group_sid, group))
        return cursor.fetchone() is not None


def groups_of(sid: str, primary_group_sid: str) -> list[uuid.UUID]:
    with connection.cursor() as cursor:
        cursor.execute(GROUPS_OF, (sid, *WELL_KNOWN, primary_group_sid))
        return [row[0] for row in cursor.fetchall()]


def groups_below(groups: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT member_id FROM bench_closure WHERE group_id = ANY(%s)", (list(groups),)
        )
        return [row[0] for row in cursor.fetchall()]


def renew(changed_members: Sequence[uuid.UUID]) -> int:
    """Makes the table right again after edges of these groups came or went.

    With loops the rows to remove cannot be told from the table alone, so everything below a
    changed edge is derived anew. What is below did not change by edges above it.

    Args:
        changed_members: The member's end of each edge, a group.

    Returns:
        How many groups' rows were derived anew.
    """
    affected = groups_below(changed_members)
    start = "target.guid = ANY(%s)"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE renewed (member_id uuid, group_id uuid)")
        cursor.execute(
            "INSERT INTO renewed " + ABOVE.format(start=start, entered=ENTERED), (affected,)
        )
        cursor.execute("ANALYZE renewed")
        cursor.execute(
            "DELETE FROM bench_closure kept WHERE member_id = ANY(%s) AND NOT EXISTS (SELECT 1 "
            "FROM renewed WHERE (renewed.member_id, renewed.group_id) = "
            "(kept.member_id, kept.group_id))",
            (affected,),
        )
        cursor.execute("INSERT INTO bench_closure SELECT * FROM renewed ON CONFLICT DO NOTHING")
        cursor.execute("DROP TABLE renewed")
    return len(affected)


def is_right() -> bool:
    """Whether the table is what the edges say now."""
    now = ABOVE.format(start="TRUE", entered=ENTERED)
    different = (
        "SELECT count(*) FROM ((TABLE renewed EXCEPT TABLE bench_closure) "
        "UNION ALL (TABLE bench_closure EXCEPT TABLE renewed)) AS different"
    )
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE renewed (member_id uuid, group_id uuid)")
        cursor.execute("INSERT INTO renewed " + now, ())
        cursor.execute(different)
        number = int(cursor.fetchone()[0])
        cursor.execute("DROP TABLE renewed")
    return number == 0
