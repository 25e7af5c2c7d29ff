from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def nobody_may_where_it_is_not_set(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    """The others are not known until they are read again."""
    computers = apps.get_model("directory", "Computer")._default_manager
    computers.filter(has_delegates=False).update(allowed_to_act=[])


def set_where_somebody_may(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    computers = apps.get_model("directory", "Computer")._default_manager
    computers.exclude(allowed_to_act=[]).update(has_delegates=True)


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0010_accounts_services"),
    ]

    operations = [
        migrations.AddField(
            model_name="computer",
            name="allowed_to_act",
            field=models.JSONField(
                blank=True,
                help_text="msDS-AllowedToActOnBehalfOfOtherIdentity: who may act for others "
                "there, entry by entry, or why that cannot be read; empty: not read yet.",
                null=True,
            ),
        ),
        migrations.RunPython(nobody_may_where_it_is_not_set, set_where_somebody_may),
        migrations.RemoveField(model_name="computer", name="has_delegates"),
    ]
