"""Events wait for their seal in a table of their own, where a trigger puts them.

Nobody who appends waits for another, and the sealer looks at nothing but what waits. Seals name
the canonical form and the algorithm they were made with; personal values lie apart from the chain.
"""

import importlib

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

APPEND_ONLY = importlib.import_module("assist.migrations.0002_audit_is_append_only")
WAITING = """
INSERT INTO assist_auditunsealed (event_id)
SELECT event.id FROM assist_auditevent event
 WHERE NOT EXISTS (SELECT 1 FROM assist_auditseal seal WHERE seal.event_id = event.id)
"""


def sqlite_statements():
    # Adding a column makes the table anew there, without its triggers.
    yield from APPEND_ONLY.sqlite_removal()
    yield from APPEND_ONLY.sqlite_statements()
    yield (
        "CREATE TRIGGER assist_auditevent_waits AFTER INSERT ON assist_auditevent "
        "BEGIN INSERT INTO assist_auditunsealed (event_id) VALUES (NEW.id); END"
    )
    yield (
        "CREATE TRIGGER assist_auditpersonal_no_update BEFORE UPDATE ON assist_auditpersonal "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
    )


def postgresql_statements():
    yield """
        CREATE FUNCTION assist_audit_wait() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO assist_auditunsealed (event_id) SELECT id FROM added;
            RETURN NULL;
        END $$
    """
    yield (
        "CREATE TRIGGER assist_auditevent_waits AFTER INSERT ON assist_auditevent "
        "REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION assist_audit_wait()"
    )
    yield (
        "CREATE TRIGGER assist_auditpersonal_no_update BEFORE UPDATE ON assist_auditpersonal "
        "FOR EACH ROW EXECUTE FUNCTION assist_audit_refuse()"
    )


def sqlite_removal():
    yield "DROP TRIGGER IF EXISTS assist_auditevent_waits"
    yield "DROP TRIGGER IF EXISTS assist_auditpersonal_no_update"


def postgresql_removal():
    yield "DROP TRIGGER IF EXISTS assist_auditevent_waits ON assist_auditevent"
    yield "DROP TRIGGER IF EXISTS assist_auditpersonal_no_update ON assist_auditpersonal"
    yield "DROP FUNCTION IF EXISTS assist_audit_wait()"


def create_triggers(apps, schema_editor):
    schema_editor.execute(WAITING)
    vendor = schema_editor.connection.vendor
    for statement in {"sqlite": sqlite_statements, "postgresql": postgresql_statements}[vendor]():
        schema_editor.execute(statement)


def drop_triggers(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for statement in {"sqlite": sqlite_removal, "postgresql": postgresql_removal}[vendor]():
        schema_editor.execute(statement)


def restore_append_only(apps, schema_editor):
    """Going back: SQLite makes the seals' table anew, so its triggers come last."""
    if schema_editor.connection.vendor == "sqlite":
        for statement in (*APPEND_ONLY.sqlite_removal(), *APPEND_ONLY.sqlite_statements()):
            schema_editor.execute(statement)


def nothing(apps, schema_editor):
    pass


class Migration(migrations.Migration):
    dependencies = [("assist", "0010_reports")]

    operations = [
        migrations.RunPython(nothing, restore_append_only),
        migrations.AddField(
            model_name="auditseal",
            name="version",
            field=models.PositiveSmallIntegerField(
                db_default=1,
                default=1,
                help_text="Of the canonical form, see docs/audit-format.md.",
            ),
        ),
        migrations.AddField(
            model_name="auditseal",
            name="algorithm",
            field=models.CharField(db_default="sha256", default="sha256", max_length=16),
        ),
        migrations.CreateModel(
            name="AuditUnsealed",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="waiting",
                        serialize=False,
                        to="assist.auditevent",
                    ),
                ),
                (
                    "since",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AuditPersonal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=32)),
                ("salt", models.CharField(max_length=32)),
                ("value", models.TextField()),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="personal",
                        to="assist.auditevent",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("event", "name"), name="one_value_of_a_name")
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("name", "novice_sid")),
                        fields=["value"],
                        name="events_of_a_novice",
                    )
                ],
            },
        ),
        migrations.RunPython(create_triggers, drop_triggers),
    ]
