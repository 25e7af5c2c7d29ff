"""A domain controller: a Samba Active Directory on its own loopback address."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from lab import processes, world
from lab.errors import LabError
from lab.paths import CHECKOUT, LabPaths

DEBIAN_PYTHON = "/usr/bin/python3"
NAME_SERVER = "nameserver"
# Where the controller sees its shares: whoever reads them over SMB becomes an unprivileged user
# there, who could not pass through a home directory that the checkout may lie in.
SYSVOL = "/run/samba/sysvol"
PORTS = (53, 88, 389, 445, 636)
# Leaves out what needs the machine's own name service or serves old clients.
SERVICES = "s3fs, rpc, ldap, cldap, kdc, drepl, winbindd, kcc, dns"


def process_name(controller: world.Controller) -> str:
    return f"samba-{controller.name}"


def start(paths: LabPaths, *domains: world.Domain) -> None:
    """Starts the domains' controllers and waits until every port of them answers.

    Each runs in a mount namespace of its own: winbindd's socket path is compiled in, the
    controller must ask the lab's name server, and its shares need a path that anybody may pass.

    Raises:
        LabError: Something else has its ports, or it did not come up.
    """
    _start_name_server(paths)
    for domain in domains:
        _wait_for_free_ports(domain.controller.address)
    for domain in domains:
        _start(paths, domain)
    for domain in domains:
        processes.wait_until(
            lambda domain=domain: _answers(paths, domain.controller),  # type: ignore[misc]
            f"the domain controller {domain.controller.name}",
            paths,
            process_name(domain.controller),
        )


def _start(paths: LabPaths, domain: world.Domain) -> None:
    files = paths.of_controller(domain.controller)
    Path("/run/samba").mkdir(exist_ok=True)
    shutil.rmtree(files.run, ignore_errors=True)  # process ids and sockets of before a crash
    (files.run / "sysvol").mkdir(parents=True)
    files.resolver.write_text(f"nameserver {world.NAME_SERVER_ADDRESS}\nsearch {domain.dns_name}\n")
    script = (
        f"mount --bind '{files.run}' /run/samba && "
        f"mount --bind '{files.sysvol}' {SYSVOL} && "
        f"mount --bind '{files.resolver}' /etc/resolv.conf && "
        # A process for each connection: as prefork, its default, Samba may serve two connections by
        # one process, and then reads of one lab in parallel take twice the time of the next lab's.
        "exec samba --foreground --no-process-group --model=standard "
        f"--configfile='{files.smb_conf}'"
    )
    processes.start(
        paths,
        process_name(domain.controller),
        ["unshare", "--mount", "sh", "-c", script],
        os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )


def _start_name_server(paths: LabPaths) -> None:
    if not processes.runs(paths, NAME_SERVER):
        command = [sys.executable, "-m", "lab.nameserver"]
        processes.start(paths, NAME_SERVER, command, dict(os.environ))


def _wait_for_free_ports(address: str, seconds: float = 5) -> None:
    """Gives a controller that is just ending the time to; raises LabError when it stays."""
    deadline = time.monotonic() + seconds
    while taken := [port for port in PORTS if _listens(address, port)]:
        if time.monotonic() > deadline:
            raise LabError(
                f"Something else listens at {address}, ports {taken}: another "
                "lab? Take it down with its own LAB_DIR."
            )
        time.sleep(0.1)


def runs(paths: LabPaths, domain: world.Domain) -> bool:
    """Whether Samba lives and answers LDAPS."""
    lives = processes.runs(paths, process_name(domain.controller))
    return lives and _listens(domain.controller.address, 636)


def stop(paths: LabPaths, domain: world.Domain) -> None:
    processes.stop(paths, process_name(domain.controller))


def kill(paths: LabPaths, domain: world.Domain) -> None:
    """Ends every process of the controller by SIGKILL, as a power cut would."""
    processes.kill(paths, process_name(domain.controller))


def _answers(paths: LabPaths, controller: world.Controller) -> bool:
    """Whether each port is open, and winbindd, which trusts need, is there."""
    winbind = paths.of_controller(controller).run / "winbindd" / "pipe"
    return winbind.exists() and all(_listens(controller.address, port) for port in PORTS)


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def run_script(
    script: str, paths: LabPaths, domain: world.Domain, *arguments: str, shown: bool = False
) -> None:
    """Runs a script of ``lab/samba`` on a stopped controller's databases.

    Args:
        script: Its file name. It is given the smb.conf and the arguments.
        paths: The lab.
        domain: Whose controller.
        shown: Whether its output goes to the terminal.

    Raises:
        LabError: It failed; with the end of what it said.
    """
    smb_conf = paths.of_controller(domain.controller).smb_conf
    command = [DEBIAN_PYTHON, str(CHECKOUT / "lab" / "samba" / script), str(smb_conf)]
    run([*command, *arguments], f"{script} for {domain.dns_name}", shown=shown)


def run(command: list[str], what: str, *, shown: bool = False) -> None:
    """Runs a program; raises LabError with the end of its output when it fails."""
    done = subprocess.run(command, capture_output=not shown, text=True, check=False)
    if done.returncode != 0:
        output = f"{done.stdout or ''}"[-2000:] + f"{done.stderr or ''}"[-2000:]
        raise LabError(f"{what} failed:\n{output}")


def provision(paths: LabPaths, domain: world.Domain, backend: list[str]) -> None:
    """Makes an empty domain. ``backend`` are samba-tool's options of the databases' format."""
    files = paths.of_controller(domain.controller)
    run(
        [
            *["samba-tool", "domain", "provision", f"--targetdir={files.folder}"],
            *[f"--realm={domain.realm}", f"--domain={domain.netbios_name}", "--server-role=dc"],
            *[f"--host-name={domain.controller.name}", f"--host-ip={domain.controller.address}"],
            *[f"--adminpass={world.ADMINISTRATOR_PASSWORD}", "--dns-backend=SAMBA_INTERNAL"],
            *backend,
            f"--option=interfaces={domain.controller.address}/24",
            "--option=bind interfaces only=yes",
        ],
        f"provisioning {domain.dns_name}",
    )


def write_configuration(paths: LabPaths, domain: world.Domain) -> None:
    """Writes the controller's smb.conf, whose paths are those of this place."""
    files = paths.of_controller(domain.controller)
    base = files.folder
    files.smb_conf.write_text(
        f"""[global]
    netbios name = {domain.controller.name.upper()}
    realm = {domain.realm}
    workgroup = {domain.netbios_name}
    server role = active directory domain controller
    server services = {SERVICES}
    interfaces = {domain.controller.address}/24
    bind interfaces only = yes
    dns forwarder =
    ldap server require strong auth = allow_sasl_over_tls
    private dir = {base}/private
    state directory = {base}/state
    cache directory = {base}/cache
    lock directory = {base}
    pid directory = {base}/run
    ncalrpc dir = {base}/ncalrpc
    binddns dir = {base}/bind-dns
    log file = {paths.logs}/{domain.controller.name}.log
    max log size = 2000
    load printers = no
    disable spoolss = yes
    server signing = mandatory

[sysvol]
    path = {SYSVOL}
    read only = no

[netlogon]
    path = {SYSVOL}/{domain.dns_name}/scripts
    read only = no
"""
    )
