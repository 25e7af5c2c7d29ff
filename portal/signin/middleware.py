"""Every page asks for a sign-in unless it says that it does not."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_htmx.http import HttpResponseClientRefresh


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Django's own, but a part of a page that htmx asks for has the whole page loaded anew.

    Otherwise the form to sign in would be put where the part belongs.
    """

    def handle_no_permission(  # type: ignore[override]  # a refresh is no redirect to Django
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseBase:
        if request.headers.get("HX-Request") == "true":
            return HttpResponseClientRefresh()
        return super().handle_no_permission(request, view_func)
