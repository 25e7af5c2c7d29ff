"""What was read lies in temporary tables until one transaction takes it over.

The tables are the session's own: a run that is killed leaves nothing behind, and nobody sees them.
PostgreSQL is filled by COPY, SQLite by prepared inserts; all else is the same SQL for both.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, models

from directory.models import Membership
from directory.synchronisation.kinds import Kind, Relation
from directory.synchronisation.rows import Row, Value

KEY_COLUMNS = ("guid", "distinguished_name")
ROWS_PER_INSERT = 500
MANY_ROWS = 1000


@dataclass(frozen=True)
class Merged:
    """What storing the staged rows of a kind did.

    Attributes:
        read: Objects that were staged.
        added: New, or back from the dead.
        changed: Known ones with another value somewhere, in their relation included.
    """

    read: int
    added: int
    changed: int


class Staging:
    """Temporary tables for the kinds of one run."""

    def __init__(self) -> None:
        self._is_postgresql = connection.vendor == "postgresql"
        self._different = "IS DISTINCT FROM" if self._is_postgresql else "IS NOT"
        self._made: set[str] = set()

    def has(self, kind: Kind) -> bool:
        """Whether anything of a kind was staged, be it that there is none."""
        return _table(kind) in self._made

    # --- filling -----------------------------------------------------------------------------

    def add(self, kind: Kind, rows: Sequence[Row]) -> None:
        """Take rows of a kind: guid, distinguished_name, then the kind's columns."""
        self._fill(_table(kind), kind.model._meta.db_table, (*KEY_COLUMNS, *kind.columns), rows)

    def add_relation(self, kind: Kind, relation: Relation, rows: Sequence[Row]) -> None:
        """Take rows of a kind's relation. Those of an owner are staged all or not at all."""
        self._fill(_relation_table(kind), relation.model._meta.db_table, relation.columns, rows)

    def add_keys(self, kind: Kind, rows: Sequence[Row]) -> None:
        """Take guid and distinguished_name of objects that are there."""
        self._fill(_key_table(kind), kind.model._meta.db_table, KEY_COLUMNS, rows)

    def _fill(self, table: str, like: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self._make(table, like, columns)
        if not rows:
            return
        names = ", ".join(columns)
        with connection.cursor() as cursor:
            if self._is_postgresql:
                with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                marks = ", ".join(["%s"] * len(columns))
                cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)

    def _make(self, table: str, like: str, columns: Sequence[str]) -> None:
        if table in self._made:
            return
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
            cursor.execute(
                f"CREATE TEMPORARY TABLE {table} AS "
                f"SELECT {', '.join(columns)} FROM {like} WHERE 1=0"
            )
        self._made.add(table)

    def prepare(self, kind: Kind) -> None:
        """Make the tables of a kind even if nothing comes, and let the database know their size."""
        self.add(kind, [])
        self._without_duplicates(_table(kind), ("guid",))
        tables = {_table(kind): "guid"}
        if kind.relation:
            self.add_relation(kind, kind.relation, [])
            self._without_duplicates(_relation_table(kind), kind.relation.columns[:2])
            tables[_relation_table(kind)] = ", ".join(kind.relation.columns[:2])
        with connection.cursor() as cursor:
            for table, key in tables.items():
                if self._is_postgresql:
                    cursor.execute(f"ANALYZE {table} ({key})")
                else:
                    cursor.execute(f"CREATE INDEX {table}_index ON {table} ({key})")

    def _without_duplicates(self, table: str, key: Sequence[str]) -> None:
        """An object that moves while pages are read may come twice; the later one counts."""
        row = "ctid" if self._is_postgresql else "rowid"
        names = ", ".join(key)
        same = " AND ".join(f"older.{name} = newer.{name}" for name in key)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT (SELECT count(*) FROM {table}), "
                f"(SELECT count(*) FROM (SELECT DISTINCT {names} FROM {table}) AS different)"
            )
            every, different = cursor.fetchone()
            if every != different:
                cursor.execute(
                    f"DELETE FROM {table} AS older WHERE EXISTS (SELECT 1 FROM {table} AS newer "
                    f"WHERE {same} AND newer.{row} > older.{row})"
                )

    def close(self) -> None:
        """Drop the tables; an unfinished transaction has done so already."""
        with connection.cursor() as cursor:
            for table in self._made:
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
        self._made.clear()

    # --- looking -----------------------------------------------------------------------------

    def count_added(self, kind: Kind) -> int:
        """Staged objects that are not in the picture now."""
        return self._number(
            f"SELECT count(*) FROM {_table(kind)} staged LEFT JOIN {_kept(kind)} kept "
            "ON kept.guid = staged.guid WHERE kept.guid IS NULL OR NOT kept.is_present"
        )

    def added_guids(self, kind: Kind) -> list[Any]:
        """The GUIDs of staged objects that are not in the picture now."""
        if not self.has(kind):
            return []
        return self._column(
            f"SELECT staged.guid FROM {_table(kind)} staged LEFT JOIN {_kept(kind)} kept "
            "ON kept.guid = staged.guid WHERE kept.guid IS NULL OR NOT kept.is_present"
        )

    def keys_to_read(self, kind: Kind) -> list[Any]:
        """GUIDs among the staged keys that are unknown, gone until now, or of another name."""
        self.add_keys(kind, [])
        return self._column(
            f"SELECT staged.guid FROM {_key_table(kind)} staged LEFT JOIN {_kept(kind)} kept "
            "ON kept.guid = staged.guid WHERE kept.guid IS NULL OR NOT kept.is_present "
            "OR kept.distinguished_name <> staged.distinguished_name"
        )

    def staged_keys(self, kind: Kind) -> list[Any]:
        """The GUIDs of all staged keys."""
        self.add_keys(kind, [])
        return self._column(f"SELECT guid FROM {_key_table(kind)}")

    def missing(self, kind: Kind, scope: str, *, by_keys: bool = False) -> list[Any]:
        """GUIDs in the picture that were not staged: what would vanish."""
        if by_keys:
            self.add_keys(kind, [])
        table = _key_table(kind) if by_keys else _table(kind)
        return self._column(
            f"SELECT kept.guid FROM {_kept(kind)} kept WHERE kept.{kind.scope_column} = %s "
            f"AND kept.is_present AND NOT EXISTS "
            f"(SELECT 1 FROM {table} staged WHERE staged.guid = kept.guid)",
            [scope],
        )

    def unstaged(self, kind: Kind, guids: Sequence[uuid.UUID], scope: str) -> list[uuid.UUID]:
        """Those of the GUIDs that are in the picture but were not staged."""
        found: list[uuid.UUID] = []
        for batch in _batches(guids):
            present = kind.model._default_manager.filter(
                pk__in=batch, is_present=True, **{kind.scope_column: scope}
            )
            found.extend(present.values_list("pk", flat=True))
        staged = self.staged_guids(kind) if found else set()
        return [guid for guid in found if guid not in staged]

    def staged_guids(self, kind: Kind) -> set[uuid.UUID]:
        """The GUIDs of all staged objects of a kind."""
        if not self.has(kind):
            return set()
        return {uuid.UUID(str(guid)) for guid in self._column(f"SELECT guid FROM {_table(kind)}")}

    def _number(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return int(cursor.fetchone()[0])

    def _column(self, sql: str, parameters: Sequence[Value] = ()) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return [row[0] for row in cursor.fetchall()]

    # --- storing -----------------------------------------------------------------------------

    def merge(self, kind: Kind, *, run: int, now: datetime) -> Merged:
        """Write the staged rows of a kind that differ from what is kept."""
        table, kept = _table(kind), _kept(kind)
        columns = ("distinguished_name", *kind.columns)
        own = ", ".join(f"{kept}.{column}" for column in columns)
        new = ", ".join(f"excluded.{column}" for column in columns)
        sets = ", ".join(f"{column} = excluded.{column}" for column in columns)
        names = ", ".join(columns)
        added = self.count_added(kind)
        # In the order of names, which fills the indexes of names from left to right.
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {kept} (guid, {names}, is_present, "
                "recorded_at, recorded_run) "
                f"SELECT guid, {names}, %s, %s, %s FROM {table} "
                f"WHERE 1=1 ORDER BY distinguished_name ON CONFLICT (guid) DO UPDATE SET {sets}, "
                "is_present = excluded.is_present, recorded_at = excluded.recorded_at, "
                "recorded_run = excluded.recorded_run "
                f"WHERE ({own}, {kept}.is_present) {self._different} ({new}, excluded.is_present)",
                [True, now, run],
            )
            written = cursor.rowcount
        self._tell_planner(kind.model, written)
        related = self._merge_relation(kind, run=run, now=now) if kind.relation else 0
        return Merged(
            read=self._number(f"SELECT count(*) FROM {table}"),
            added=added,
            changed=max(0, written - added) + related,
        )

    def _merge_relation(self, kind: Kind, *, run: int, now: datetime) -> int:
        """Make the relation of staged objects the staged one; how many other objects it changed."""
        relation = kind.relation
        if relation is None:
            return 0
        staged, kept = _relation_table(kind), relation.model._meta.db_table
        owner, key = relation.columns[:2]
        names = ", ".join(relation.columns)
        same_key = f"staged.{owner} = kept.{owner} AND staged.{key} = kept.{key}"
        same = " AND ".join(f"staged.{name} = kept.{name}" for name in relation.columns)
        obsolete = (
            f"kept.{owner} IN (SELECT guid FROM {_table(kind)}) AND NOT EXISTS "
            f"(SELECT 1 FROM {staged} staged WHERE {same_key})"
        )
        rest = ", ".join(f"{name} = excluded.{name}" for name in relation.columns[2:])
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {_kept(kind)} SET recorded_at = %s, recorded_run = %s "
                "WHERE recorded_run <> %s AND guid IN ("
                f"SELECT kept.{owner} FROM {kept} kept WHERE {obsolete} UNION "
                f"SELECT staged.{owner} FROM {staged} staged WHERE NOT EXISTS "
                f"(SELECT 1 FROM {kept} kept WHERE {same}))",
                [now, run, run],
            )
            changed = cursor.rowcount
            cursor.execute(f"DELETE FROM {kept} AS kept WHERE {obsolete}")
            cursor.execute(
                f"INSERT INTO {kept} ({names}) SELECT {names} FROM {staged} staged "
                f"WHERE NOT EXISTS (SELECT 1 FROM {kept} kept WHERE {same}) "
                f"ON CONFLICT ({owner}, {key}) "
                + (f"DO UPDATE SET {rest}" if rest else "DO NOTHING")
            )
            written = cursor.rowcount
        self._tell_planner(relation.model, written)
        return int(changed)

    def _tell_planner(self, model: type[models.Model], written: int) -> None:
        """Have statistics of a table that has changed much, as far as rows are looked up by them.

        PostgreSQL's own come a minute later; until then it reads tables whole.
        """
        if not self._is_postgresql or written < MANY_ROWS:
            return
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {model._meta.db_table} ({', '.join(_looked_up_by(model))})")

    def follow_changed_sids(self, kind: Kind) -> None:
        """An object that got another SID keeps its memberships, which groups do not report anew."""
        edges, staged = Membership._meta.db_table, _table(kind)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {edges} SET member_sid = staged.sid FROM {staged} staged "
                f"WHERE {edges}.member_guid = staged.guid AND {edges}.member_sid <> staged.sid"
            )

    def remove(self, kind: Kind, guids: Sequence[Any], *, run: int, now: datetime) -> None:
        """Take objects out of the picture. Their rows stay, to name them by."""
        for batch in _batches(guids):
            model = kind.model._default_manager.filter(pk__in=batch)
            model.update(is_present=False, recorded_at=now, recorded_run=run)
            if kind.relation:
                owners = {f"{kind.relation.columns[0]}__in": batch}
                kind.relation.model._default_manager.filter(**owners).delete()


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), ROWS_PER_INSERT):
        yield items[start : start + ROWS_PER_INSERT]


def _looked_up_by(model: type[models.Model]) -> list[str]:
    """The columns of a table that an index has, keys to other tables among them."""
    names = {name for index in model._meta.indexes for name in index.fields}
    fields: Iterable[Any] = model._meta.concrete_fields  # db_index is unknown to the stubs
    return [
        field.column
        for field in fields
        if field.primary_key or field.is_relation or field.db_index or field.name in names
    ]


def _table(kind: Kind) -> str:
    return f"staged_{kind.model._meta.model_name}"


def _relation_table(kind: Kind) -> str:
    return f"{_table(kind)}_relation"


def _key_table(kind: Kind) -> str:
    return f"{_table(kind)}_key"


def _kept(kind: Kind) -> str:
    return str(kind.model._meta.db_table)
