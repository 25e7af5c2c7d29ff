"""Databases for a measurement, empty and of their own."""

from __future__ import annotations

from urllib.parse import urlsplit

import psycopg
from psycopg import sql


def create_database(server_url: str, name: str, *, template: str = "template1") -> str:
    """Adds a database to a server.

    Args:
        server_url: DATABASE_URL of another database there.
        name: Of the new one.
        template: The database that it is a copy of; nobody may be connected to that.

    Returns:
        Its DATABASE_URL.
    """
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement)
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


def count_rows(database_url: str, table: str) -> int:
    with psycopg.connect(database_url) as connection:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        found = connection.execute(query).fetchone()
    return int(found[0]) if found else 0
