"""Old audit events go by whole ranges, which a signed stub stands for; the triggers look for it.

A DELETE passes them in one way alone: a stub is inserted, which a trigger compares with the seals
that it is to stand for, and what it covers is removed. On PostgreSQL ``assist_audit_remove`` does
that and nothing else can: the triggers let DELETE pass while it names the stub. SQLite has no
functions; there the triggers let those rows go that a stub covers.
"""

import importlib

from django.db import migrations, models

APPEND_ONLY = importlib.import_module("assist.migrations.0002_audit_is_append_only")
REFUSED = "'the audit trail is append-only'"
UNLIKE = "'the stub is not of a sealed range'"
IS_UNLIKE = """
    NEW.count <> NEW.last_position - NEW.first_position + 1
    OR NEW.count <> (SELECT count(*) FROM assist_auditseal seal
                      WHERE seal.position BETWEEN NEW.first_position AND NEW.last_position)
    OR NOT EXISTS (SELECT 1 FROM assist_auditseal seal
                    WHERE seal.position = NEW.first_position AND seal.hash = NEW.first_hash
                      AND seal.previous_hash = NEW.previous_hash)
    OR NOT EXISTS (SELECT 1 FROM assist_auditseal seal
                    WHERE seal.position = NEW.last_position AND seal.hash = NEW.last_hash)
    OR NOT EXISTS (SELECT 1 FROM assist_auditseal seal WHERE seal.position > NEW.last_position)
"""
SEAL_COVERED = """
    EXISTS (SELECT 1 FROM assist_auditstub stub
             WHERE OLD.position BETWEEN stub.first_position AND stub.last_position {named})
"""
EVENT_COVERED = """
    EXISTS (SELECT 1 FROM assist_auditseal seal JOIN assist_auditstub stub
                ON seal.position BETWEEN stub.first_position AND stub.last_position
             WHERE seal.event_id = OLD.id {named})
"""


def sqlite_statements():
    for table, covered in (
        ("assist_auditevent", EVENT_COVERED),
        ("assist_auditseal", SEAL_COVERED),
    ):
        yield f"DROP TRIGGER IF EXISTS {table}_no_delete"
        yield (
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"WHEN NOT {covered.format(named='')} BEGIN SELECT RAISE(ABORT, {REFUSED}); END"
        )
    for act in ("update", "delete"):
        yield (
            f"CREATE TRIGGER assist_auditstub_no_{act} BEFORE {act.upper()} ON assist_auditstub "
            f"BEGIN SELECT RAISE(ABORT, {REFUSED}); END"
        )
    yield (
        "CREATE TRIGGER assist_auditstub_check BEFORE INSERT ON assist_auditstub "
        f"WHEN {IS_UNLIKE} BEGIN SELECT RAISE(ABORT, {UNLIKE}); END"
    )


def postgresql_statements():
    named = "AND stub.id = removal"
    yield f"""
        CREATE OR REPLACE FUNCTION assist_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            removal bigint;
        BEGIN
            IF TG_OP = 'TRUNCATE'
               AND current_setting('portal.allow_audit_flush', true) = 'on' THEN
                RETURN NULL;
            END IF;
            IF TG_OP = 'DELETE' AND TG_TABLE_NAME IN ('assist_auditevent', 'assist_auditseal') THEN
                removal := nullif(current_setting('portal.audit_removal', true), '')::bigint;
                IF TG_TABLE_NAME = 'assist_auditevent' THEN
                    IF {EVENT_COVERED.format(named=named)} THEN
                        RETURN OLD;
                    END IF;
                ELSIF {SEAL_COVERED.format(named=named)} THEN
                    RETURN OLD;
                END IF;
            END IF;
            RAISE EXCEPTION {REFUSED} USING ERRCODE = 'insufficient_privilege';
        END $$
    """
    yield f"""
        CREATE FUNCTION assist_audit_check_stub() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {IS_UNLIKE} THEN
                RAISE EXCEPTION {UNLIKE} USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$
    """
    yield (
        "CREATE TRIGGER assist_auditstub_check BEFORE INSERT ON assist_auditstub "
        "FOR EACH ROW EXECUTE FUNCTION assist_audit_check_stub()"
    )
    yield (
        "CREATE TRIGGER assist_auditstub_no_change BEFORE UPDATE OR DELETE ON assist_auditstub "
        "FOR EACH ROW EXECUTE FUNCTION assist_audit_refuse()"
    )
    yield (
        "CREATE TRIGGER assist_auditstub_no_truncate BEFORE TRUNCATE ON assist_auditstub "
        "FOR EACH STATEMENT EXECUTE FUNCTION assist_audit_refuse()"
    )
    yield f"""
        CREATE FUNCTION assist_audit_remove(removal bigint) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
        DECLARE
            stub record;
            events bigint[];
            deleted bigint;
        BEGIN
            SELECT * INTO STRICT stub FROM assist_auditstub WHERE id = removal;
            SELECT array_agg(seal.event_id) INTO events FROM assist_auditseal seal
             WHERE seal.position BETWEEN stub.first_position AND stub.last_position;
            IF coalesce(cardinality(events), 0) <> stub.count THEN
                RAISE EXCEPTION {UNLIKE} USING ERRCODE = 'insufficient_privilege';
            END IF;
            PERFORM set_config('portal.audit_removal', removal::text, true);
            DELETE FROM assist_auditpersonal WHERE event_id = ANY (events);
            DELETE FROM assist_auditevent WHERE id = ANY (events);
            GET DIAGNOSTICS deleted = ROW_COUNT;
            IF deleted <> stub.count THEN
                RAISE EXCEPTION {UNLIKE} USING ERRCODE = 'insufficient_privilege';
            END IF;
            DELETE FROM assist_auditseal seal
             WHERE seal.position BETWEEN stub.first_position AND stub.last_position;
            PERFORM set_config('portal.audit_removal', '', true);
            RETURN deleted;
        END $$
    """  # noqa: S608 - our own text
    yield "REVOKE ALL ON FUNCTION assist_audit_remove(bigint) FROM PUBLIC"


def sqlite_removal():
    for name in ("no_update", "no_delete", "check"):
        yield f"DROP TRIGGER IF EXISTS assist_auditstub_{name}"
    yield from APPEND_ONLY.sqlite_removal()
    yield from APPEND_ONLY.sqlite_statements()


def postgresql_removal():
    for name in ("no_change", "no_truncate", "check"):
        yield f"DROP TRIGGER IF EXISTS assist_auditstub_{name} ON assist_auditstub"
    yield "DROP FUNCTION IF EXISTS assist_audit_remove(bigint)"
    yield "DROP FUNCTION IF EXISTS assist_audit_check_stub()"
    yield next(APPEND_ONLY.postgresql_statements()).replace(
        "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
    )


def create_triggers(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for statement in {"sqlite": sqlite_statements, "postgresql": postgresql_statements}[vendor]():
        schema_editor.execute(statement)


def drop_triggers(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for statement in {"sqlite": sqlite_removal, "postgresql": postgresql_removal}[vendor]():
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("assist", "0015_audit_alerts")]

    operations = [
        migrations.CreateModel(
            name="AuditStub",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("first_position", models.PositiveBigIntegerField(unique=True)),
                ("last_position", models.PositiveBigIntegerField(unique=True)),
                ("count", models.PositiveBigIntegerField()),
                ("previous_hash", models.CharField(max_length=64)),
                ("first_hash", models.CharField(max_length=64)),
                ("last_hash", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("document", models.TextField(help_text="The signed line.")),
            ],
            options={"ordering": ["first_position"]},
        ),
        migrations.RunPython(create_triggers, drop_triggers),
    ]
