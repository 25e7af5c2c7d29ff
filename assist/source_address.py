"""Where a request came from, behind as many proxies as the settings say."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def source_address(request: HttpRequest) -> str | None:
    """The address a request came from.

    Each of our own proxies appends one address to ``X-Forwarded-For``; what stands before those
    was written by the caller and proves nothing.
    """
    hops = settings.TRUSTED_PROXY_COUNT
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    candidates = [forwarded[-hops].strip()] if 0 < hops <= len(forwarded) else []
    for text in (*candidates, str(request.META.get("REMOTE_ADDR", ""))):
        with suppress(ValueError):
            return str(ip_address(text))
    return None
