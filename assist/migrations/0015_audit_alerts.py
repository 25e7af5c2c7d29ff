"""Alerts about an audit trail that is behind."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("assist", "0014_report_indexes")]

    operations = [
        migrations.AlterField(
            model_name="offeralert",
            name="kind",
            field=models.CharField(
                choices=[
                    ("expert_burst", "Many offers by one expert"),
                    ("computer_burst", "Many offers to one computer"),
                    ("audit_behind", "The audit trail is behind"),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="offeralert",
            name="offers",
            field=models.PositiveIntegerField(
                help_text="The most within the span of a burst; else 0."
            ),
        ),
    ]
