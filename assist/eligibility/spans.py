"""Spans of time in words. Pure."""

from __future__ import annotations

from datetime import timedelta


def in_words(span: timedelta) -> str:
    """As ``3 hours``, in the greatest unit of which it has two; never below zero."""
    seconds = max(0, round(span.total_seconds()))
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{seconds // size} {word}s"
    return f"{seconds} seconds"
