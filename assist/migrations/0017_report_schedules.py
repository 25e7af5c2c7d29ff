"""Reports by e-mail."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("assist", "0016_audit_stubs"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReportSchedule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "cadence",
                    models.CharField(
                        choices=[
                            ("daily", "every day, of the day before"),
                            ("weekly", "every Monday, of the week before"),
                            ("monthly", "on the first, of the month before"),
                        ],
                        max_length=8,
                    ),
                ),
                ("recipient_sid", models.CharField(max_length=184)),
                ("recipient_name", models.CharField(max_length=256)),
                ("made_by", models.CharField(max_length=256)),
                ("made_at", models.DateTimeField()),
                (
                    "sent_for",
                    models.DateField(help_text="The first day of the period sent last.", null=True),
                ),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "claimed_at",
                    models.DateTimeField(help_text="When a worker took it to send it.", null=True),
                ),
                (
                    "failure",
                    models.CharField(
                        blank=True, help_text="Why it was not sent last.", max_length=500
                    ),
                ),
            ],
            options={
                "ordering": ["recipient_name", "cadence"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("recipient_sid", "cadence"),
                        name="one_schedule_per_reader_and_cadence",
                    )
                ],
            },
        ),
    ]
