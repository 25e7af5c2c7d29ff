"""Puts a made-up directory into PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import connection, models

from bench.membership.graph import DOMAIN_SID, DOMAIN_USERS, Graph, Principal
from directory.models import Account, Domain, Group, Membership


def fill(graph: Graph) -> None:
    """Writes accounts, groups and edges by COPY, and leaves it to the caller to ANALYZE them."""
    with connection.cursor() as cursor:
        for model in (Account, Group, Membership):
            cursor.execute(f"ALTER TABLE {model._meta.db_table} SET (autovacuum_enabled = false)")
    home = Domain.objects.create(
        guid=uuid.UUID(int=1),
        distinguished_name="DC=bench,DC=test",
        dns_name="bench.test",
        dns_name_folded="bench.test",
        netbios_name="BENCH",
        netbios_name_folded="bench",
        sid=DOMAIN_SID,
    )
    copy_rows(Account, (_account(principal, home) for principal in graph.accounts))
    copy_rows(Group, (_group(principal, home) for principal in graph.groups))
    members = {True: graph.groups, False: graph.accounts}
    copy_rows(
        Membership,
        (
            Membership(
                group_id=graph.groups[edge.group].guid,
                member_guid=members[edge.member_is_group][edge.member].guid,
                member_sid=members[edge.member_is_group][edge.member].sid,
            )
            for edge in graph.edges
        ),
    )


def _account(principal: Principal, home: Domain) -> Account:
    return Account(
        guid=principal.guid,
        distinguished_name=f"CN={principal.name},{home.distinguished_name}",
        domain=home,
        sid=principal.sid,
        sam_account_name=principal.name,
        sam_account_name_folded=principal.name,
        primary_group_sid=DOMAIN_USERS,
    )


def _group(principal: Principal, home: Domain) -> Group:
    return Group(
        guid=principal.guid,
        distinguished_name=f"CN={principal.name},{home.distinguished_name}",
        domain=home,
        sid=principal.sid,
        sam_account_name=principal.name,
        sam_account_name_folded=principal.name,
        is_security=principal.is_security,
        scope=Group.Scope.GLOBAL,
    )


def copy_rows(model: type[models.Model], rows: Iterable[models.Model]) -> None:
    """Writes rows by COPY; with keys that the database gives out, where the rows have none."""
    fields = [field for field in model._meta.concrete_fields if field.column != "id"]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(
                [
                    field.get_db_prep_save(getattr(row, field.attname), connection)
                    for field in fields
                ]
            )
