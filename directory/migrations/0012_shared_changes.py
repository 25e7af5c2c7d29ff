"""PostgreSQL itself writes down every change of what many decisions share.

So what a process keeps of it in memory (``directory.kept``) is never older than the rows, whoever
changed them and by whatever means. On SQLite nothing is kept: Django makes its tables anew when
they change, and triggers would be lost.
"""

from django.db import migrations, models

SHARED = (
    *("directory_organizationalunit", "directory_site", "directory_subnet"),
    *("directory_grouppolicy", "directory_grouppolicylink", "directory_helperentry"),
    *("directory_wmifilter", "directory_trust", "directory_crossref"),
)
# Of these only some columns matter; domains are written by every synchronisation.
NAMED = ("sid", "sam_account_name", "domain_id")
COLUMNS = {
    "directory_domain": (
        *("dns_name", "netbios_name", "sid", "forest_dns_name", "gp_options", "is_present"),
    ),
    "directory_account": NAMED,
    "directory_group": NAMED,
}
ACTS = ("insert", "update", "delete")


def watched():
    """Table, act, and the condition on which it counts."""
    for table in SHARED:
        yield from ((table, act, ()) for act in ACTS)
    for table, columns in COLUMNS.items():
        yield table, "update", columns
    yield from (("directory_domain", act, ()) for act in ("insert", "delete"))


def when(columns):
    if not columns:
        return ""
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in columns)
    return f"WHEN ({changed})"


def statements():
    yield """
        CREATE FUNCTION directory_shared_changed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO directory_sharedchange (stamp)
                 VALUES (floor(random() * 1000000000000)::bigint);
            RETURN NULL;
        END $$
    """
    for table, act, columns in watched():
        yield (
            f"CREATE TRIGGER {table}_shared_{act} AFTER {act.upper()} ON {table} FOR EACH ROW "
            f"{when(columns)} EXECUTE FUNCTION directory_shared_changed()"
        )
    for table in (*SHARED, *COLUMNS):
        yield (
            f"CREATE TRIGGER {table}_shared_truncate AFTER TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION directory_shared_changed()"
        )


def removal():
    for table, act, _ in watched():
        yield f"DROP TRIGGER IF EXISTS {table}_shared_{act} ON {table}"
    for table in (*SHARED, *COLUMNS):
        yield f"DROP TRIGGER IF EXISTS {table}_shared_truncate ON {table}"
    yield "DROP FUNCTION IF EXISTS directory_shared_changed()"


def create_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in statements():
            schema_editor.execute(statement, None)


def drop_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in removal():
            schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [("directory", "0011_resource_based_delegation")]

    operations = [
        migrations.CreateModel(
            name="SharedChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("stamp", models.BigIntegerField()),
            ],
        ),
        migrations.RunPython(create_triggers, drop_triggers),
    ]
