"""Parts of texts of offers, found by an index on PostgreSQL.

The short texts of an offer in a row are one indexed expression, those that say why it ended
another: trigrams (pg_trgm) of both are in one index. A condition on a single text also asks for
the row of texts it is in, which narrows the search; the text itself then decides.
"""

from __future__ import annotations

from django.db.models import Func, Q, TextField

NAMES = (
    *("computer_name", "expert_name", "novice_name", "ticket", "reason", "target"),
    *("wanted_user", "team_name", "unit_name"),
)
ENDS = ("end_sentence", "end_remedy")


class TextsInARow(Func):
    """Some texts of an offer, spelt exactly as in the index."""

    template = "(%(expressions)s)"
    arg_joiner = " || ' ' || "
    output_field = TextField()


class TextsToGoThrough(TextsInARow):
    """The same, spelt as no index has it."""

    template = "(%(expressions)s || '')"


GONE_THROUGH = {
    "texts_of_names": TextsToGoThrough(*NAMES),
    "texts_of_ends": TextsToGoThrough(*ENDS),
}
SEARCHED = {"texts_of_names": TextsInARow(*NAMES), "texts_of_ends": TextsInARow(*ENDS)}


def part_of(field: str, text: str) -> Q:
    """Offers one of whose texts holds this, in any case of its letters.

    Args:
        field: One of the texts.
        text: What it holds.
    """
    found = Q(**{f"{field}__icontains": text})
    for row, fields in (("texts_of_names", NAMES), ("texts_of_ends", ENDS)):
        if field in fields:
            found &= Q(**{f"{row}__icontains": text})
    return found


def anywhere(word: str) -> Q:
    """Offers any of whose texts holds a word."""
    return Q(texts_of_names__icontains=word) | Q(texts_of_ends__icontains=word)
