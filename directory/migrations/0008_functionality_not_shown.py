from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0007_leaner_indexes"),
    ]

    operations = [
        migrations.AlterField(
            model_name="grouppolicy",
            name="functionality_version",
            field=models.IntegerField(
                blank=True,
                default=2,
                help_text="gPCFunctionalityVersion; Windows passes over all but 2. "
                "Empty: not shown.",
                null=True,
            ),
        ),
    ]
