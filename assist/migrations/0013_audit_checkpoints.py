"""Signed checkpoints of the audit trail, and whether they left the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("assist", "0012_tallies")]

    operations = [
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True)),
                ("position", models.PositiveBigIntegerField()),
                ("hash", models.CharField(max_length=64)),
                ("document", models.TextField(help_text="The signed line.")),
                ("is_delivered", models.BooleanField()),
                ("error", models.TextField(blank=True)),
            ],
            options={"ordering": ["id"]},
        ),
    ]
