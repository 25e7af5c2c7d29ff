"""How Windows compares names: without regard to case, whatever form the characters came in.

Databases differ in what ``ILIKE`` and ``lower()`` do beyond ASCII (SQLite does nothing), so each
name that is looked up is also kept in its folded form and compared there.
"""

from __future__ import annotations

import unicodedata


def fold_name(name: str) -> str:
    """The form of a name that two spellings of the same name share.

    Args:
        name: An account, computer, domain or distinguished name.

    Returns:
        The name composed (NFC) and in lower case. Two different names of one directory may share
        it in rare scripts; callers treat that as ambiguous, never as a match.
    """
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).lower())
