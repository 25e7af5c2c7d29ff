from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("assist", "0008_tickets"),
    ]

    operations = [
        migrations.AlterField(
            model_name="offer",
            name="attempts",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="The number a worker writes under; a claim and a loss raise it.",
            ),
        ),
        migrations.AddField(
            model_name="offer",
            name="losses",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="How many workers were lost while they had it."
            ),
        ),
    ]
