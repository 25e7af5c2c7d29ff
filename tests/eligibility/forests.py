"""Both forests of the lab as a synchronisation stores them, in each state that a row asks for."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.db import models, transaction
from django.test import override_settings

from directory import synchronisation
from directory.configuration import configured_domains, domain_configuration
from lab import world
from lab.paths import LabPaths
from tests.conftest import Lab

Rows = list[tuple[type[models.Model], list[models.Model]]]
SELECTIVE = "r2.local asks contoso.test for selective authentication"
FOREST_TRANSITIVE, CROSS_ORGANIZATION = 0x8, 0x10  # trustAttributes, [MS-ADTS] 6.1.6.7.9


class _Undo(Exception):
    """Takes back what was done for its result alone."""


class Forests:
    """Reads the lab once for each state, whatever the number of rows.

    Args:
        lab: With both domains up.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._rows: dict[str, Rows] = {}

    def store(self, state: str = "") -> None:
        """Writes what a synchronisation of both forests stores in that state."""
        if state not in self._rows:
            with _lab_in(state, self.lab):
                self._rows[state] = self._read()
        for model, found in self._rows[state]:
            model._default_manager.bulk_create(found, batch_size=500)

    def _read(self) -> Rows:
        rows: Rows = []
        file = self.lab.env["DIRECTORY_CONFIGURATION_FILE"]
        try:
            with transaction.atomic(), override_settings(DIRECTORY_CONFIGURATION_FILE=file):
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
def _lab_in(state: str, lab: Lab) -> Iterator[None]:
    """The lab as a row wants it; afterwards as it was."""
    if not state:
        yield
        return
    assert state == SELECTIVE, state
    _set_trust(lab, FOREST_TRANSITIVE | CROSS_ORGANIZATION)
    try:
        yield
    finally:
        _set_trust(lab, FOREST_TRANSITIVE)


def _set_trust(lab: Lab, attributes: int) -> None:
    """Writes trustAttributes into the database: over LDAP nobody may ([MS-ADTS] 6.1.6.9.7)."""
    script = Path(__file__).with_name("samba_trust.py")
    smb_conf = LabPaths(lab.directory).of_controller(world.R2.controller).smb_conf
    trust = f"CN={world.CONTOSO.dns_name},CN=System,{world.BASE_DN}"
    command = ["/usr/bin/python3", str(script), str(smb_conf), trust, str(attributes)]
    subprocess.run(command, check=True)
