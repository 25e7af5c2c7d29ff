"""The portal's settings, with the peer's application where it is installed."""

from __future__ import annotations

from importlib.util import find_spec

from portal.settings import *  # noqa: F403
from portal.settings import INSTALLED_APPS

if find_spec("auditlog") is not None:
    INSTALLED_APPS = [*INSTALLED_APPS, "auditlog"]
