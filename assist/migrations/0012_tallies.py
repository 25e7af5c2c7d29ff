"""Offers added up by day and month, and triggers that say which of them have changed."""

from django.db import migrations, models

# What is counted, or counted by.
COLUMNS = (
    "requested_at",
    "mode",
    "outcome",
    "expert_sid",
    "expert_name",
    "computer_id",
    "computer_name",
    "unit_guid",
    "unit_name",
    "team_sid",
    "team_name",
    "prompted_at",
    "answered_at",
    "controlled_at",
    "end_code",
    "end_remedy",
)
EVENTS = {"insert": ("NEW",), "delete": ("OLD",), "update": ("OLD", "NEW")}
MARK = "INSERT INTO assist_tallymark (at) VALUES ({row}.requested_at);"


def sqlite_statements():
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in COLUMNS)
    for event, rows in EVENTS.items():
        condition = f"WHEN {changed}" if event == "update" else ""
        marks = " ".join(MARK.format(row=row) for row in dict.fromkeys(rows))
        yield (
            f"CREATE TRIGGER assist_offer_mark_{event} AFTER {event.upper()} ON assist_offer "
            f"{condition} BEGIN {marks} END"
        )


def postgresql_statements():
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in COLUMNS)
    for event, rows in EVENTS.items():
        marks = " ".join(MARK.format(row=row) for row in rows)
        yield (
            f"CREATE FUNCTION assist_offer_mark_{event}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {marks} RETURN NULL; END $$"
        )
        condition = f"WHEN ({changed})" if event == "update" else ""
        yield (
            f"CREATE TRIGGER assist_offer_mark_{event} AFTER {event.upper()} ON assist_offer "
            f"FOR EACH ROW {condition} EXECUTE FUNCTION assist_offer_mark_{event}()"
        )


def create_triggers(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for statement in {"sqlite": sqlite_statements, "postgresql": postgresql_statements}[vendor]():
        schema_editor.execute(statement)


def drop_triggers(apps, schema_editor):
    for event in EVENTS:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER assist_offer_mark_{event} ON assist_offer")
            schema_editor.execute(f"DROP FUNCTION assist_offer_mark_{event}()")
        else:
            schema_editor.execute(f"DROP TRIGGER assist_offer_mark_{event}")


class Migration(migrations.Migration):
    dependencies = [
        ("assist", "0011_sealing_by_outbox"),
    ]

    operations = [
        migrations.CreateModel(
            name="TallyMark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(help_text="When the offer was asked for.")),
            ],
        ),
        migrations.CreateModel(
            name="OfferTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("level", models.PositiveSmallIntegerField(choices=[(0, "Day"), (1, "Month")])),
                ("start", models.DateField(help_text="The day, or the month's first.")),
                ("dimension", models.CharField(max_length=8)),
                ("key", models.CharField(max_length=184)),
                ("name", models.CharField(max_length=1024)),
                ("offers", models.BigIntegerField(default=0)),
                ("control", models.BigIntegerField(default=0)),
                ("going_on", models.BigIntegerField(default=0)),
                ("accepted", models.BigIntegerField(default=0)),
                ("declined", models.BigIntegerField(default=0)),
                ("unanswered", models.BigIntegerField(default=0)),
                ("unopened", models.BigIntegerField(default=0)),
                ("refused", models.BigIntegerField(default=0)),
                ("blocked", models.BigIntegerField(default=0)),
                ("prompted", models.BigIntegerField(default=0)),
                ("violations", models.BigIntegerField(default=0)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["dimension", "level", "start"], name="tally_by_span"),
                    models.Index(
                        fields=["dimension", "key", "level", "start"], name="tally_by_key"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TallySpan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("level", models.PositiveSmallIntegerField(choices=[(0, "Day"), (1, "Month")])),
                ("start", models.DateField()),
                (
                    "zone",
                    models.CharField(
                        help_text="The time zone that its days are of.", max_length=64
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("level", "start"), name="one_row_per_span")
                ],
            },
        ),
        migrations.RunPython(create_triggers, drop_triggers),
    ]
