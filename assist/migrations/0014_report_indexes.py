"""Indexes for the filters of the table of offers.

Those on values that many offers share are small, because PostgreSQL keeps each value once. Parts
of texts are found by trigrams, on PostgreSQL alone and where its extension pg_trgm may be made:
it comes with PostgreSQL, and the owner of a database may make it (PostgreSQL, F.35).
"""

from django.db import migrations, models, transaction
from django.db.utils import DatabaseError

NAMES = (
    *("computer_name", "expert_name", "novice_name", "ticket", "reason", "target"),
    *("wanted_user", "team_name", "unit_name"),
)
ENDS = ("end_sentence", "end_remedy")


def create_trigrams(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError as error:
        print(f" (parts of texts will be searched without an index: {error})", end="")
        return
    rows = (" || ' ' || ".join(f'"{name}"' for name in names) for names in (NAMES, ENDS))
    expressions = ", ".join(f"upper(({row})::text) gin_trgm_ops" for row in rows)
    schema_editor.execute(
        f"CREATE INDEX assist_offer_texts ON assist_offer USING gin ({expressions})"
    )


def drop_trigrams(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS assist_offer_texts")


class Migration(migrations.Migration):
    dependencies = [("assist", "0013_audit_checkpoints")]

    operations = [
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(fields=["outcome"], name="offer_by_outcome"),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(fields=["outcome_grade"], name="offer_by_grade"),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(fields=["end_code"], name="offer_by_end"),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(fields=["authority"], name="offer_by_authority"),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(fields=["viewer"], name="offer_by_viewer"),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(fields=["door"], name="offer_by_door"),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(fields=["address"], name="offer_by_address"),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(fields=["team_sid", "-requested_at"], name="offer_by_team"),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(fields=["unit_guid", "-requested_at"], name="offer_by_unit"),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(
                condition=models.Q(("controlled_at__isnull", False), ("mode", "view")),
                fields=["-requested_at"],
                name="offer_violation",
            ),
        ),
        migrations.RunPython(create_trigrams, drop_trigrams),
    ]
