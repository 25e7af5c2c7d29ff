"""The domain controller: a Samba Active Directory on its own loopback address."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from lab import certificates, packing, processes, settings_files, world
from lab.errors import LabError
from lab.paths import CHECKOUT, LabPaths

NAME = "samba"
DEBIAN_PYTHON = "/usr/bin/python3"
# Where the controller sees its shares: whoever reads them over SMB becomes an unprivileged user
# there, who could not pass through a home directory that the checkout may lie in.
SYSVOL = "/run/samba/sysvol"
PORTS = (53, 88, 389, 445, 636)
# Leaves out what needs the machine's own name service or serves old clients.
SERVICES = "s3fs, rpc, ldap, cldap, kdc, drepl, winbindd, kcc, dns"
# The most that an mdb file may grow to; 100,000 computers take 2 GB.
MAP_SIZE = {"tdb": [], "mdb": ["--backend-store-size=16Gb"]}


def build(paths: LabPaths, objects: int = 0) -> None:
    """Makes the domain from nothing, stopped: provisioned, filled, with keys and certificates.

    Args:
        paths: The lab, taken down.
        objects: How many computers to add below OU=Bulk, with accounts and groups in proportion.
            A large domain is packed, and unpacked the next time it is asked for.
    """
    shutil.rmtree(paths.controller, ignore_errors=True)
    paths.filled_marker.unlink(missing_ok=True)
    paths.make()
    digest = _digest()  # of what it is made by, should that change meanwhile
    packed = packing.packed_state(paths, digest, objects)
    if packing.is_worth_packing(objects) and packed.exists():
        packing.unpack(paths, packed)
        _write_configuration(paths)  # its paths are those of another place
    else:
        _make(paths, objects)
        if packing.is_worth_packing(objects):
            packing.pack(paths, packed)
    settings_files.write(paths)
    paths.filled_marker.write_text(f"{digest} {objects}")


def _make(paths: LabPaths, objects: int) -> None:
    _provision(paths, "mdb" if objects >= packing.LARGE else "tdb")
    certificates.make(paths.authority_certificate, paths.controller / "private" / "tls")
    _write_configuration(paths)
    _run([DEBIAN_PYTHON, str(CHECKOUT / "lab/samba/fill.py"), str(paths.smb_conf)], "filling")
    if objects:
        script = str(CHECKOUT / "lab/samba/bulk.py")
        _run([DEBIAN_PYTHON, script, str(paths.smb_conf), str(objects)], "bulk", shown=True)
    _export_keytabs(paths)


def is_built(paths: LabPaths, objects: int | None = None) -> bool:
    """Whether the domain is complete and made from the world as it is described now.

    Args:
        paths: The lab.
        objects: How many computers must have been added to it; None: any number.
    """
    try:
        digest, present = paths.filled_marker.read_text().split()
    except (FileNotFoundError, ValueError):
        return False
    return digest == _digest() and (objects is None or int(present) == objects)


def start(paths: LabPaths) -> None:
    """Starts Samba and waits until every port of it answers.

    It runs in a mount namespace of its own: winbindd's socket path is compiled in, the controller
    must ask its own name service, and its shares need a path that anybody may pass.

    Raises:
        LabError: Something else has its ports, or it did not come up.
    """
    _wait_for_free_ports()
    Path("/run/samba").mkdir(exist_ok=True)
    run = paths.controller / "run"
    (run / "sysvol").mkdir(parents=True, exist_ok=True)
    resolver = paths.controller / "resolv.conf"
    resolver.write_text(f"nameserver {world.CONTROLLER_ADDRESS}\nsearch {world.DNS_NAME}\n")
    script = (
        f"mount --bind '{run}' /run/samba && "
        f"mount --bind '{paths.controller}/state/sysvol' {SYSVOL} && "
        f"mount --bind '{resolver}' /etc/resolv.conf && "
        f"exec samba --foreground --no-process-group --configfile='{paths.smb_conf}'"
    )
    processes.start(
        paths,
        NAME,
        ["unshare", "--mount", "sh", "-c", script],
        os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )
    processes.wait_until(
        lambda: all(_listens(port) for port in PORTS), "the domain controller", paths, NAME
    )


def _wait_for_free_ports(seconds: float = 5) -> None:
    """Gives a controller that is just ending the time to; raises LabError when it stays."""
    deadline = time.monotonic() + seconds
    while taken := [port for port in PORTS if _listens(port)]:
        if time.monotonic() > deadline:
            raise LabError(
                f"Something else listens at {world.CONTROLLER_ADDRESS}, ports {taken}: another "
                "lab? Take it down with its own LAB_DIR."
            )
        time.sleep(0.1)


def runs(paths: LabPaths) -> bool:
    """Whether Samba lives and answers LDAPS."""
    return processes.runs(paths, NAME) and _listens(636)


def stop(paths: LabPaths) -> None:
    processes.stop(paths, NAME)


def _digest() -> str:
    """Changes when the world, or what writes it into a domain, changes."""
    folder = Path(__file__).parent
    writers = set(folder.glob("samba/*.py")) - set(folder.glob("samba/changes*.py"))
    described = [folder / "world.py", folder / "population.py"]
    sources = sorted([*writers, *described, Path(__file__)])
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((world.CONTROLLER_ADDRESS, port)) == 0


def _run(command: list[str], what: str, *, shown: bool = False) -> None:
    done = subprocess.run(command, capture_output=not shown, text=True, check=False)
    if done.returncode != 0:
        output = f"{done.stdout or ''}"[-2000:] + f"{done.stderr or ''}"[-2000:]
        raise LabError(f"{what} failed:\n{output}")


def _provision(paths: LabPaths, backend: str) -> None:
    """Provisions with a backend of Samba's database: tdb files end at 4 GB, mdb files do not."""
    _run(
        [
            *["samba-tool", "domain", "provision", f"--targetdir={paths.controller}"],
            *[f"--realm={world.REALM}", f"--domain={world.NETBIOS_NAME}", "--server-role=dc"],
            *[f"--host-name={world.CONTROLLER_NAME}", f"--host-ip={world.CONTROLLER_ADDRESS}"],
            *[f"--adminpass={world.ADMINISTRATOR_PASSWORD}", "--dns-backend=SAMBA_INTERNAL"],
            *[f"--backend-store={backend}", *MAP_SIZE[backend]],
            f"--option=interfaces={world.CONTROLLER_ADDRESS}/24",
            "--option=bind interfaces only=yes",
        ],
        "provisioning",
    )


def _write_configuration(paths: LabPaths) -> None:
    base = paths.controller
    paths.smb_conf.write_text(
        f"""[global]
    netbios name = {world.CONTROLLER_NAME.upper()}
    realm = {world.REALM}
    workgroup = {world.NETBIOS_NAME}
    server role = active directory domain controller
    server services = {SERVICES}
    interfaces = {world.CONTROLLER_ADDRESS}/24
    bind interfaces only = yes
    dns forwarder =
    private dir = {base}/private
    state directory = {base}/state
    cache directory = {base}/cache
    lock directory = {base}
    pid directory = {base}/run
    ncalrpc dir = {base}/ncalrpc
    binddns dir = {base}/bind-dns
    log file = {paths.logs}/dc1.log
    max log size = 2000
    load printers = no
    disable spoolss = yes
    server signing = mandatory
    ldap server require strong auth = allow_sasl_over_tls

[sysvol]
    path = {SYSVOL}
    read only = no

[netlogon]
    path = {SYSVOL}/{world.DNS_NAME}/scripts
    read only = no
"""
    )


def _export_keytabs(paths: LabPaths) -> None:
    """Keys of the portal's accounts and of every computer that is simulated."""
    shutil.rmtree(paths.keytabs, ignore_errors=True)
    paths.keytabs.mkdir(mode=0o700)
    principals = {name: name for name in (world.PORTAL_ACCOUNT, world.DIRECTORY_ACCOUNT)} | {
        computer.name: f"{computer.name}$" for computer in world.COMPUTERS if computer.behaviour
    }
    _run(
        [
            *[DEBIAN_PYTHON, str(CHECKOUT / "lab/samba/keytabs.py"), str(paths.smb_conf)],
            *[str(paths.keytabs)],
            *[f"{file}={principal}" for file, principal in principals.items()],
        ],
        "exporting keytabs",
    )
