"""The portal's settings with the environment of the tests: for mypy's Django plugin."""

import tests.environment  # noqa: F401 - sets the environment first
from portal.settings import *  # noqa: F403
