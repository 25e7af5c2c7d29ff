"""What reports count by, on the offer itself.

Older offers get the times from their states, the unit that their computer is in now, and the team
from the decision that was stored.
"""

from django.db import migrations, models

TIMES = """
UPDATE assist_offer SET
  prompted_at = (SELECT MIN(step.at) FROM assist_offertransition step
                  WHERE step.offer_id = assist_offer.id AND step.to_state = 'answering'),
  answered_at = (SELECT MIN(step.at) FROM assist_offertransition step
                  WHERE step.offer_id = assist_offer.id
                    AND step.to_state IN ('accepted', 'declined')),
  unit_guid = (SELECT computer.ou_id FROM directory_computer computer
                WHERE computer.guid = assist_offer.computer_id),
  unit_name = COALESCE((SELECT unit.distinguished_name
                          FROM directory_computer computer
                          JOIN directory_organizationalunit unit ON unit.guid = computer.ou_id
                         WHERE computer.guid = assist_offer.computer_id), '')
"""


def team_of(decision):
    for finding in decision.get("findings", []):
        if finding["rule"] == "helper.listed" and finding["effect"] == "allow":
            return next((item for item in finding["evidence"] if item["kind"] == "group"), None)
    return None


def fill(apps, schema_editor):
    offers = apps.get_model("assist", "Offer").objects
    if not offers.exists():
        return
    schema_editor.execute(TIMES)
    for key, decision in offers.order_by("pk").values_list("pk", "decision").iterator(1000):
        team = team_of(decision)
        if team is not None:
            offers.filter(pk=key).update(team_sid=team["id"], team_name=team["name"])


class Migration(migrations.Migration):
    dependencies = [
        ("assist", "0009_lost_workers"),
    ]

    operations = [
        migrations.AddField(
            model_name="offer",
            name="answered_at",
            field=models.DateTimeField(
                help_text="When the novice accepted or declined; no answer is none.", null=True
            ),
        ),
        migrations.AddField(
            model_name="offer",
            name="prompted_at",
            field=models.DateTimeField(help_text="When the novice was asked.", null=True),
        ),
        migrations.AddField(
            model_name="offer",
            name="team_name",
            field=models.CharField(blank=True, max_length=512),
        ),
        migrations.AddField(
            model_name="offer",
            name="team_sid",
            field=models.CharField(
                blank=True,
                help_text="Her group by which the helper list let her in; empty: none did.",
                max_length=184,
            ),
        ),
        migrations.AddField(
            model_name="offer",
            name="unit_guid",
            field=models.UUIDField(
                help_text="The computer's unit when it was asked for.", null=True
            ),
        ),
        migrations.AddField(
            model_name="offer",
            name="unit_name",
            field=models.CharField(blank=True, help_text="Distinguished name.", max_length=1024),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("owner_sid", models.CharField(max_length=184)),
                ("name", models.CharField(max_length=100)),
                ("query", models.CharField(help_text="As in the page's address.", max_length=4000)),
                ("saved_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(fields=("owner_sid", "name"), name="one_view_per_name")
                ],
            },
        ),
    ]
