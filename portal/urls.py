"""Addresses of the site."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from portal import views
from portal.signin.single_sign_on import sign_in_with_windows
from portal.signin.views import sign_in, sign_out

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("assist.urls")),
    path("sign-in", sign_in, name="sign-in"),
    path("sign-in/windows", sign_in_with_windows, name="sign-in-with-windows"),
    path("sign-out", sign_out, name="sign-out"),
    path("health", views.health, name="health"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("api/v1/", include("assist.api.urls")),
]
handler400 = "portal.views.bad_request"
handler403 = "portal.views.permission_denied"
handler404 = "portal.views.page_not_found"
handler500 = "portal.views.server_error"
