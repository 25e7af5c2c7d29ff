"""Domains, the tree that a forest makes of them, organizational units and sites."""

from __future__ import annotations

import uuid
from datetime import timedelta

from directory.models import CrossRef, Domain, OrganizationalUnit, Site, Subnet
from tests.eligibility.building.directory import (
    NOW,
    Directory,
    distinguished_name,
    domain_sid,
    folded,
)
from tests.eligibility.vocabulary import DomainLine

BLOCKED = "blocks inheritance"


def add_domains(directory: Directory) -> None:
    """The computer's domain is there without being named, and so is r2.local."""
    lines = {line.dns_name: line for line in directory.case.domains}
    for dns_name in ("r2.local", directory.case.computer.domain):
        lines.setdefault(dns_name, DomainLine(dns_name, dns_name, is_read=True))
    directory.lines = lines
    for line in lines.values():
        if line.is_read:
            _add_domain(directory, line)
    guids = {dns_name: uuid.uuid4() for dns_name in lines}
    for line in lines.values():
        if directory.is_read(line.forest):
            _add_cross_ref(directory, line, guids)


def _add_domain(directory: Directory, line: DomainLine) -> None:
    is_blocked = f"{line.dns_name}: {BLOCKED}" in directory.case.units
    directory.domains[line.netbios_name] = Domain.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=distinguished_name(line.dns_name),
        **folded(dns_name=line.dns_name, netbios_name=line.netbios_name),
        sid=domain_sid(line.netbios_name),
        forest_dns_name=line.forest,
        gp_options=int(is_blocked),
        synced_at=NOW - timedelta(minutes=5),
    )


def parent_of(directory: Directory, line: DomainLine) -> DomainLine | None:
    """The domain of the same forest right above, if its name continues that one's."""
    above = directory.lines.get(line.dns_name.partition(".")[2])
    return above if above is not None and above.forest == line.forest else None


def _add_cross_ref(directory: Directory, line: DomainLine, guids: dict[str, uuid.UUID]) -> None:
    """As in CN=Partitions of its forest, [MS-ADTS] 6.1.1.2.1.1."""
    parent = parent_of(directory, line)
    is_other_tree = parent is None and line.dns_name != line.forest
    partitions = f"CN=Partitions,CN=Configuration,{distinguished_name(line.forest)}"
    CrossRef.objects.create(
        guid=guids[line.dns_name],
        distinguished_name=f"CN={line.netbios_name},{partitions}",
        forest_dns_name=line.forest,
        name=line.netbios_name,
        naming_context=distinguished_name(line.dns_name),
        dns_root=line.dns_name,
        netbios_name=line.netbios_name,
        system_flags=3,  # a naming context of the forest that is a domain
        trust_parent_guid=guids[parent.dns_name] if parent else None,
        root_trust_guid=guids[line.forest] if is_other_tree else None,
    )


def add_units(directory: Directory) -> None:
    """The computer's unit, those above it, and those that the case names."""
    said = [text.partition(": ") for text in directory.case.units]
    blocked = {path for path, _, what in said if what == BLOCKED}
    if directory.case.computer.unit:
        _unit(directory, directory.case.computer.unit, blocked)
    for path, _, _ in said:
        if path not in directory.lines:
            _unit(directory, path, blocked)
    for line in directory.case.links:
        if line.container not in directory.lines and not line.container.startswith("site "):
            _unit(directory, line.container, blocked)


def _unit(directory: Directory, path: str, blocked: set[str]) -> OrganizationalUnit:
    if path in directory.units:
        return directory.units[path]
    above, _, name = path.rpartition("/")
    parent = _unit(directory, above, blocked) if above else None
    place = parent.distinguished_name if parent else directory.home.distinguished_name
    unit = OrganizationalUnit.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"OU={name},{place}",
        domain=directory.home,
        parent=parent,
        name=name,
        gp_options=int(path in blocked),
    )
    return directory.units.setdefault(path, unit)


def add_sites(directory: Directory) -> None:
    """``Northern: 10.1.0.0/16`` in the forest of the computer."""
    forest = directory.home.forest_dns_name
    place = f"CN=Sites,CN=Configuration,{distinguished_name(forest)}"
    for text in directory.case.sites:
        name, _, subnets = text.partition(": ")
        site = Site.objects.create(
            guid=uuid.uuid4(),
            distinguished_name=f"CN={name},{place}",
            forest_dns_name=forest,
            **folded(name=name),
        )
        directory.sites[name] = site
        for subnet in filter(None, subnets.split(", ")):
            Subnet.objects.create(
                guid=uuid.uuid4(),
                distinguished_name=f"CN={subnet},CN=Subnets,{place}",
                forest_dns_name=forest,
                name=subnet,
                site_guid=site.guid,
            )
