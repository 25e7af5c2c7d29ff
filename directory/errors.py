"""The base of every error this product raises on purpose."""

from __future__ import annotations


class PortalError(Exception):
    """A refusal or failure that a person can act on.

    Subclasses set ``code`` (stable, for programs) and ``status`` (the HTTP status a door answers
    with). Each instance carries a sentence, what to do next, and the input field it speaks of.

    Args:
        sentence: What is wrong, for a person.
        remedy: What to do next, for a person.
        field: The name of the input at fault, or empty.
    """

    code = "error"
    status = 400

    def __init__(self, sentence: str, *, remedy: str = "", field: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy
        self.field = field
