"""What every page's template knows."""

from __future__ import annotations

from django.http import HttpRequest


def navigation(request: HttpRequest) -> dict[str, object]:
    """The entries of the navigation that the person signed in may follow."""
    return {}
