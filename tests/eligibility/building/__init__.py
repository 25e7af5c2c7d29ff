"""From a row of the table to rows of the database, as a synchronisation would have stored them."""

from __future__ import annotations

from pytest_django import Settings

from tests.eligibility.building.directory import NOW, Directory
from tests.eligibility.building.domains import add_domains, add_sites, add_units
from tests.eligibility.building.policies import add_policies
from tests.eligibility.building.portal import set_up_portal
from tests.eligibility.building.principals import add_principals
from tests.eligibility.building.trusts import add_trusts
from tests.eligibility.vocabulary import Case

__all__ = ["NOW", "Directory", "build"]


def build(case: Case, settings: Settings) -> Directory:
    """Writes everything that is given in a case; ``settings`` are given back by the test."""
    directory = Directory(case)
    add_domains(directory)
    add_trusts(directory)
    add_units(directory)
    add_sites(directory)
    add_principals(directory)
    add_policies(directory)
    set_up_portal(directory, settings)
    return directory
