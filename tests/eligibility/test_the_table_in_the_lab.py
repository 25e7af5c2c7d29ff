"""The rows of the table on the lab's live forests: read from Samba, then decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.db import models, transaction
from django.test import override_settings
from django.utils import timezone
from pytest_django import Settings

from assist.eligibility import explain
from assist.lifecycle import Mode
from directory import synchronisation
from directory.configuration import configured_domains, domain_configuration
from directory.names import find_account, find_computer
from lab import world
from tests.conftest import Lab
from tests.directory.administrator import administrator
from tests.eligibility.judging import parameters, require
from tests.eligibility.vocabulary import LabCase, lab_cases

pytestmark = pytest.mark.lab

Rows = list[tuple[type[models.Model], list[models.Model]]]
SELECTIVE = "r2.local asks contoso.test for selective authentication"
FOREST_TRANSITIVE, CROSS_ORGANIZATION = 0x8, 0x10  # trustAttributes, [MS-ADTS] 6.1.6.7.9
EXPERTS = [r"R2\Remote Assistance Experts", r"CONTOSO\Contoso Experts"]


class _Undo(Exception):
    """Takes back what was done for its result alone."""


class Forests:
    """Both forests as a synchronisation stores them, in each state that a row asks for."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._rows: dict[str, Rows] = {}

    def store(self, state: str) -> None:
        """Writes the rows of a state; they are read from the lab once."""
        if state not in self._rows:
            with _state(state, self._lab):
                self._rows[state] = self._read()
        for model, found in self._rows[state]:
            model._default_manager.bulk_create(found, batch_size=500)

    def _read(self) -> Rows:
        configuration = self._lab.env["DIRECTORY_CONFIGURATION_FILE"]
        rows: Rows = []
        try:
            with (
                transaction.atomic(),
                override_settings(DIRECTORY_CONFIGURATION_FILE=configuration),
            ):
                for domain in configured_domains():
                    synchronisation.run(domain_configuration(domain.dns_name))
                rows.extend(
                    (model, list(model._default_manager.all()))
                    for model in apps.get_app_config("directory").get_models()
                )
                raise _Undo
        except _Undo:
            return rows
        return rows


@contextmanager
def _state(state: str, lab: Lab) -> Iterator[None]:
    """The lab as a row wants it; afterwards as it was."""
    if not state:
        yield
        return
    assert state == SELECTIVE, state
    trust = f"CN={world.CONTOSO.dns_name},CN=System,{world.BASE_DN}"
    with administrator(str(lab.directory / "ca.pem")) as admin:
        admin.set(trust, trustAttributes=str(FOREST_TRANSITIVE | CROSS_ORGANIZATION))
        try:
            yield
        finally:
            admin.set(trust, trustAttributes=str(FOREST_TRANSITIVE))


@pytest.fixture(scope="session")
def forests(lab_domain: Lab) -> Forests:
    return Forests(lab_domain)


@pytest.mark.django_db
@pytest.mark.parametrize("case", parameters(lab_cases()))
def test_the_decision_on_the_forests_is_that_of_the_documents(
    case: LabCase, forests: Forests, settings: Settings
) -> None:
    settings.ROLE_GROUPS = {"expert": EXPERTS}
    forests.store(case.state)
    expert, computer = find_account(case.expert), find_computer(case.computer)
    decision = explain(expert, computer, Mode(case.mode), now=timezone.now())
    require(decision, case)
