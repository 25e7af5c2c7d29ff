"""Why a synchronisation does not begin, or stops."""

from __future__ import annotations

from directory.errors import PortalError


class SynchronisationRunning(PortalError):
    """Another run for the same domain has not ended."""

    code = "synchronisation_running"
    status = 409


class TooManyRemovals(PortalError):
    """The run would have removed more than it may without being told so. Nothing was changed."""

    code = "too_many_removals"
    status = 409


class WrongDomain(PortalError):
    """The domain controller serves another domain than the one configured."""

    code = "wrong_domain"
    status = 409


class NotOfInterest(Exception):
    """An object matches a search but is none that is kept, such as a name without addresses."""


class FullReadingNeeded(Exception):
    """Changes since the last run cannot be told from the rest; its text says why."""
