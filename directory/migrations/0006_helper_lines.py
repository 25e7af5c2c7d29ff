from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0005_policy_extensions"),
    ]

    operations = [
        migrations.AddField(
            model_name="helperentry",
            name="either",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Kind, GUID, SID and name of whom it may name where no document "
                "decides it.",
            ),
        ),
        migrations.AddField(
            model_name="helperentry",
            name="former_guid",
            field=models.UUIDField(
                blank=True,
                help_text="Whom its name meant before it went over to another.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="helperentry",
            name="problem",
            field=models.TextField(
                blank=True,
                help_text="Why it names nobody, or what is wrong with whom it names.",
            ),
        ),
    ]
