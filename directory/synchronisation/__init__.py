"""Bringing the database up to what Active Directory says."""

from __future__ import annotations

from directory.synchronisation.errors import SynchronisationRunning, TooManyRemovals, WrongDomain
from directory.synchronisation.progress import Progress, ReportProgress, ignore_progress
from directory.synchronisation.running import run

__all__ = [
    "Progress",
    "ReportProgress",
    "SynchronisationRunning",
    "TooManyRemovals",
    "WrongDomain",
    "ignore_progress",
    "run",
]
