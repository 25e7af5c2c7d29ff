"""Makes the lab's domains: provisioned, filled, joined by their trust, packed for the next time."""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import certificates, controller, packing, settings_files, world
from lab.errors import LabError
from lab.paths import LabPaths

# The most that an mdb file may grow to; 100,000 computers take 2 GB. tdb files end at 4 GB.
SMALL_BACKEND = ["--backend-store=tdb"]
LARGE_BACKEND = ["--backend-store=mdb", "--backend-store-size=16Gb"]
NOT_OF_THE_STATE = ("changes*.py", "replace.py")  # scripts that change a domain later


def build(paths: LabPaths, objects: int = 0) -> None:
    """Makes the domains, stopped; from what was packed the last time, if the world is the same.

    Args:
        paths: The lab, taken down.
        objects: How many computers to add below OU=Bulk of ``r2.local``, with accounts and groups
            in proportion.
    """
    for domain in world.DOMAINS:
        shutil.rmtree(paths.of_controller(domain.controller).folder, ignore_errors=True)
    paths.filled_marker.unlink(missing_ok=True)
    paths.make()
    made_of = digest()  # should that change meanwhile
    packed = packing.packed_state(paths, made_of, objects)
    if packed.exists():
        packing.unpack(paths, packed)
        for domain in world.DOMAINS:
            controller.write_configuration(paths, domain)  # its paths are those of another place
    else:
        _make(paths, objects)
        packing.pack(paths, packed)
        packing.forget_others(paths, packed)
    settings_files.write(paths)
    paths.filled_marker.write_text(f"{made_of} {objects}")


def _make(paths: LabPaths, objects: int) -> None:
    """Both domains at a time; each has to know the other's SIDs before they are joined."""
    with ThreadPoolExecutor() as pool:
        added = {world.R2: objects}
        list(pool.map(lambda one: _make_domain(paths, one, added.get(one, 0)), world.DOMAINS))
        sids = [str(paths.of_domain(domain).sids) for domain in world.DOMAINS]
        list(pool.map(lambda one: _connect(paths, one, sids), world.DOMAINS))


def _make_domain(paths: LabPaths, domain: world.Domain, objects: int) -> None:
    large = objects >= packing.LARGE
    controller.provision(paths, domain, LARGE_BACKEND if large else SMALL_BACKEND)
    files, handed_out = paths.of_controller(domain.controller), paths.of_domain(domain)
    certificates.make(domain, handed_out.authority_certificate, files.certificates)
    controller.write_configuration(paths, domain)
    run = controller.run_script
    run("fill.py", paths, domain, domain.dns_name, str(handed_out.sids))
    if objects:
        run("bulk.py", paths, domain, str(objects), shown=True)


def _connect(paths: LabPaths, domain: world.Domain, sids: list[str]) -> None:
    run = controller.run_script
    run("connect.py", paths, domain, domain.dns_name, *sids)
    keytabs = paths.of_domain(domain).keytabs
    for old in keytabs.glob("*.keytab"):
        old.unlink()
    wanted = [f"{file}={principal}" for file, principal in _principals(domain).items()]
    run("keytabs.py", paths, domain, str(keytabs), *wanted)


def _principals(domain: world.Domain) -> dict[str, str]:
    """Whose keys are exported: the services' accounts, and every computer that is simulated."""
    services = {person.name: person.name for person in domain.people if person.service}
    return services | {
        computer.name: f"{computer.name}$" for computer in domain.computers if computer.behaviour
    }


def replace(paths: LabPaths, domain: world.Domain) -> None:
    """Ends a controller as a power cut would and restores it from the backup, stopped.

    Its databases and SYSVOL are those of when it was made, with an invocationId of its own: what
    it writes from now on has update sequence numbers that were given out before ([MS-ADTS]
    3.1.1.1.9 tells the readers of changes by the invocationId).

    Raises:
        LabError: Nothing was packed, or it could not be restored.
    """
    packed = packing.packed_state(paths, *_made_of(paths))
    if not packed.exists():
        raise LabError(f"There is no backup: {packed} is gone. Bring the lab up anew.")
    controller.kill(paths, domain)
    folder = paths.of_controller(domain.controller).folder
    shutil.rmtree(folder, ignore_errors=True)
    packing.unpack(paths, packed, folder.name)
    controller.write_configuration(paths, domain)
    controller.run_script("replace.py", paths, domain)


def is_built(paths: LabPaths, objects: int | None = None) -> bool:
    """Whether the domains are complete and made from the world as it is described now.

    Args:
        paths: The lab.
        objects: How many computers must have been added; None: any number.
    """
    made_of, present = _made_of(paths)
    return made_of == digest() and (objects is None or present == objects)


def _made_of(paths: LabPaths) -> tuple[str, int]:
    """The digest and the number of added computers that the domains were made with."""
    try:
        made_of, objects = paths.filled_marker.read_text().split()
    except (FileNotFoundError, ValueError):
        return "", 0
    return made_of, int(objects)


def digest() -> str:
    """Changes when the world, or what writes it into a domain, changes."""
    folder = Path(__file__).parent
    later = {one for pattern in NOT_OF_THE_STATE for one in folder.glob(f"samba/{pattern}")}
    writers = set(folder.glob("samba/*.py")) - later
    described = [*folder.glob("world/*.py"), folder / "population.py"]
    makers = [folder / "controller.py", folder / "certificates.py", Path(__file__)]
    sources = sorted([*writers, *described, *makers])
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
