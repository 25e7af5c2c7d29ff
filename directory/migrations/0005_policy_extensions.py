from django.db import migrations, models


def read_everything_again(apps, schema_editor):
    """Without a cursor the next run reads all objects, and with them the new attributes."""
    apps.get_model("directory", "ReplicationCursor").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0004_index_past_sids"),
    ]

    operations = [
        migrations.AddField(
            model_name="grouppolicy",
            name="functionality_version",
            field=models.IntegerField(
                default=2,
                help_text="gPCFunctionalityVersion; Windows passes over all but 2.",
            ),
        ),
        migrations.AddField(
            model_name="grouppolicy",
            name="has_registry_extension",
            field=models.BooleanField(
                default=True,
                help_text="gPCMachineExtensionNames names what reads Registry.pol on the computer.",
            ),
        ),
        migrations.AlterField(
            model_name="grouppolicy",
            name="other_settings",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Further values by name; null: it removes what an earlier policy set.",
            ),
        ),
        migrations.RunPython(read_everything_again, migrations.RunPython.noop),
    ]
