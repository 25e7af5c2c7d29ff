"""Memberships and links of sites get keys that the rows so far do not have.

They are a copy of the directory: the next synchronisation, which reads everything, writes them
anew. Until then nobody is in any group, so nobody may do anything.
"""

from django.db import migrations


def forget(apps, schema_editor):
    apps.get_model("directory", "Membership").objects.all().delete()
    apps.get_model("directory", "GroupPolicyLink").objects.exclude(site_name="").delete()


class Migration(migrations.Migration):
    dependencies = [("directory", "0001_initial")]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
