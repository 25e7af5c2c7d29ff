"""Readers of the environment that refuse nonsense with a sentence naming the variable."""

from __future__ import annotations

import os
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from environs import Env

env = Env()
_MOST_DAYS = 36_500


def secret(name: str, default: str = "") -> str:
    """A secret from ``NAME`` or, preferably, from the file that ``NAME_FILE`` points to.

    Args:
        name: The variable's name.
        default: Returned when neither variable is set.

    Raises:
        ImproperlyConfigured: The file cannot be read.
    """
    path = os.environ.get(f"{name}_FILE", "")
    if not path:
        return str(env.str(name, default))
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {error.strerror}") from error


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Networks in CIDR notation, comma-separated; an empty variable is an empty list."""
    try:
        return [ip_network(text.strip()) for text in env.list(name, []) if text.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}. Write networks as 10.0.0.0/8.") from error


def addresses(name: str) -> list[IPv4Address | IPv6Address]:
    """IP addresses, comma-separated; an empty variable is an empty list."""
    try:
        return [ip_address(text.strip()) for text in env.list(name, []) if text.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}. Write addresses as 10.0.0.1.") from error


def positive_seconds(name: str, default: float) -> float:
    """A duration in seconds, above zero."""
    seconds = float(env.float(name, default))
    if seconds <= 0:
        raise ImproperlyConfigured(f"{name}: must be above 0 seconds, is {seconds}.")
    return seconds


def whole_number(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number within limits, both of them allowed."""
    number = int(env.int(name, default))
    if not least <= number <= most:
        raise ImproperlyConfigured(f"{name}: must be {least} to {most}, is {number}.")
    return number


def days_by_kind(name: str) -> dict[str, int]:
    """Days for each kind of something, as ``offer.*=2555,sign_in.*=180``; empty: for none."""
    found: dict[str, int] = {}
    for text in env.list(name, []):
        kind, _, days = text.strip().partition("=")
        is_kind = bool(kind) and "*" not in kind.removesuffix("*") and kind not in found
        if not is_kind or not (days.isascii() and days.isdigit() and 1 <= int(days) <= _MOST_DAYS):
            raise ImproperlyConfigured(
                f"{name}: write kind=days, as offer.*=2555, each kind once, not {text.strip()}."
            )
        found[kind] = int(days)
    return found


def choices(name: str, default: list[str], *, known: tuple[str, ...]) -> list[str]:
    """Some of a few known words, comma-separated, at least one and none twice."""
    found = [text.strip() for text in env.list(name, default)]
    if not found or len(set(found)) != len(found) or not set(found) <= set(known):
        raise ImproperlyConfigured(
            f"{name}: name some of {', '.join(known)}, each once, not {', '.join(found) or 'none'}."
        )
    return found


def hours_of_day(name: str) -> frozenset[int]:
    """Hours of the day from ``20-6``: from 20:00 to 6:00; none where the variable is empty."""
    text = str(env.str(name, "")).strip()
    if not text:
        return frozenset()
    first, _, end = text.partition("-")
    if not (first.isdecimal() and end.isdecimal() and int(first) < 24 and int(end) <= 24):
        raise ImproperlyConfigured(f"{name}: write hours as 20-6, not {text!r}.")
    count = (int(end) - int(first)) % 24 or 24
    return frozenset((int(first) + number) % 24 for number in range(count))
