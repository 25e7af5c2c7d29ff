"""The WSGI application for servers that speak it."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_wsgi_application()

from portal.checks import refuse_wrong_configuration  # noqa: E402 - needs the applications loaded

refuse_wrong_configuration()
