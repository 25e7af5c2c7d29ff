"""The database itself refuses to change or remove audit events and seals.

Only TRUNCATE, and only on PostgreSQL, has a switch: tests that empty the whole database set
``portal.allow_audit_flush`` to ``on`` in their session. SQLite has none; such tests drop the
triggers and create them again.
"""

from django.db import migrations

TABLES = ("assist_auditevent", "assist_auditseal")


def sqlite_statements():
    for table in TABLES:
        for act in ("update", "delete"):
            yield (
                f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
            )


def postgresql_statements():
    yield """
        CREATE FUNCTION assist_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'TRUNCATE'
               AND current_setting('portal.allow_audit_flush', true) = 'on' THEN
                RETURN NULL;
            END IF;
            RAISE EXCEPTION 'the audit trail is append-only'
                USING ERRCODE = 'insufficient_privilege';
        END $$
    """
    for table in TABLES:
        yield (
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION assist_audit_refuse()"
        )
        yield (
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION assist_audit_refuse()"
        )


def sqlite_removal():
    for table in TABLES:
        for act in ("update", "delete"):
            yield f"DROP TRIGGER IF EXISTS {table}_no_{act}"


def postgresql_removal():
    for table in TABLES:
        yield f"DROP TRIGGER IF EXISTS {table}_no_change ON {table}"
        yield f"DROP TRIGGER IF EXISTS {table}_no_truncate ON {table}"
    yield "DROP FUNCTION IF EXISTS assist_audit_refuse()"


def create_triggers(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for statement in {"sqlite": sqlite_statements, "postgresql": postgresql_statements}[vendor]():
        schema_editor.execute(statement)


def drop_triggers(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for statement in {"sqlite": sqlite_removal, "postgresql": postgresql_removal}[vendor]():
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("assist", "0001_initial")]

    operations = [migrations.RunPython(create_triggers, drop_triggers)]
