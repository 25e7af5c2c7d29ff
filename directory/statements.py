"""Statements of our own, for what is asked with every decision, on both databases.

To compose such a statement anew each time, as the ORM does, takes longer than the database needs
to answer it: docs/eligibility.md has the figures.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model

M = TypeVar("M", bound=Model)


def rows(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """What a statement gives."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def marks(values: Collection[object]) -> str:
    """As many parameter marks as there are values."""
    return ", ".join(["%s"] * len(values))


def key(guid: uuid.UUID) -> str | uuid.UUID:
    """A GUID as the database takes it: SQLite keeps them as text."""
    return guid if connection.vendor == "postgresql" else guid.hex


def guid_of(value: Any) -> uuid.UUID:
    """A GUID as the database gives it."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


class Reader(Generic[M]):
    """Reads rows of a model by a statement: as ``raw``, but its columns are looked at only once.

    Args:
        model: The model.
        table: What the statement calls its table.
    """

    def __init__(self, model: type[M], table: str) -> None:
        self._model = model
        self._fields = model._meta.concrete_fields
        self._names = [field.attname for field in self._fields]
        self.columns = ", ".join(f"{table}.{field.column}" for field in self._fields)

    def read(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[M, Sequence[Any]]]:
        """The rows of a statement.

        Args:
            statement: Selects ``columns`` first.

        Returns:
            Objects of the model, each with what the statement selects besides.
        """
        number = len(self._names)
        found = list[tuple[M, Sequence[Any]]]()
        for row in rows(statement, parameters):
            values = list(row[:number])
            for place, converters, expression in self._converters:
                for convert in converters:
                    values[place] = convert(values[place], expression, connection)
            item = self._model.from_db(connection.alias, self._names, values)
            found.append((item, row[number:]))
        return found

    @cached_property
    def _converters(self) -> list[tuple[int, list[Any], Any]]:
        table = self._model._meta.db_table
        compiler = self._model._default_manager.all().query.get_compiler(connection.alias)
        found = compiler.get_converters([field.get_col(table) for field in self._fields])
        return [(place, *both) for place, both in found.items()]
