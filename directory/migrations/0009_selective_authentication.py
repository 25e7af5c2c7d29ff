from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0008_functionality_not_shown"),
    ]

    operations = [
        migrations.AddField(
            model_name="computer",
            name="allowed_to_authenticate",
            field=models.JSONField(
                blank=True,
                help_text="What its permissions say of Allowed to Authenticate, entry by entry, "
                "or why they cannot be read; empty: not asked, since no trust is selective.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="domain",
            name="reads_permissions",
            field=models.BooleanField(
                default=False,
                help_text="The permissions of its computers are read: a trust is selective.",
            ),
        ),
    ]
