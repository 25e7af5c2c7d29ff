"""The ASGI application that uvicorn serves."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_asgi_application()

from portal.checks import refuse_wrong_configuration  # noqa: E402 - needs the applications loaded

refuse_wrong_configuration()
