"""What the firewall of a computer must let in for an offer, by operating system.

Windows Vista and later: MicrosoftDocs policy-csp-remoteassistance.md. Windows XP SP2 and Windows
Server 2003 SP1: TechNet bb490619. Reading the event log: the rules of Windows' own group Remote
Event Log Management (``@FirewallAPI.dll,-29252``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

RPC_PORT = 135
REMOTE_DESKTOP_PORT = 3389
VERSION = re.compile(r"(\d+)\.(\d+)")


class System(Enum):
    """Generations of the Windows Firewall."""

    XP = "Windows XP"
    SERVER_2003 = "Windows Server 2003"
    VISTA = "Windows Vista or later"

    @property
    def has_rules(self) -> bool:
        """It knows more than the lists."""
        return self is System.VISTA


class Origin(Enum):
    """Whose computer connects."""

    WORKER = "the portal's worker"
    EXPERT = "the expert"


class Kind(Enum):
    """How a need is met in the lists of Windows XP's firewall."""

    PORT = "port"
    PROGRAM = "program"
    REMOTE_DESKTOP = "remote desktop"


@dataclass(frozen=True)
class Need:
    """One thing the firewall must let in, over TCP.

    Attributes:
        title: For people, as the lists write it.
        kind: How the lists write it.
        origin: Who connects.
        program: The program that listens, below the Windows folder, in small letters.
        port: Where it listens; None: on a port that it gets when it starts.
        service: The service that listens, in small letters; empty where it is no service.
        is_rpc: What has no port of its own is an RPC server, which the keyword RPC means too.
    """

    title: str
    kind: Kind
    origin: Origin
    program: str
    port: int | None = None
    service: str = ""
    is_rpc: bool = False


SVCHOST = r"system32\svchost.exe"
RPC = Need("135:TCP", Kind.PORT, Origin.WORKER, SVCHOST, port=RPC_PORT, service="rpcss")
RASERVER = Need(
    r"%WINDIR%\System32\raserver.exe",
    Kind.PROGRAM,
    Origin.WORKER,
    r"system32\raserver.exe",
    is_rpc=True,
)
MSRA = Need(r"%WINDIR%\System32\msra.exe", Kind.PROGRAM, Origin.EXPERT, r"system32\msra.exe")
HELPSVC = Need(
    r"%WINDIR%\PCHealth\HelpCtr\Binaries\Helpsvc.exe",
    Kind.PROGRAM,
    Origin.WORKER,
    r"pchealth\helpctr\binaries\helpsvc.exe",
)
HELPCTR = Need(
    r"%WINDIR%\PCHealth\HelpCtr\Binaries\Helpctr.exe",
    Kind.PROGRAM,
    Origin.EXPERT,
    r"pchealth\helpctr\binaries\helpctr.exe",
)
SESSMGR = Need(
    r"%WINDIR%\System32\Sessmgr.exe", Kind.PROGRAM, Origin.EXPERT, r"system32\sessmgr.exe"
)
REMOTE_DESKTOP = Need(
    "Allow Remote Desktop Exception",
    Kind.REMOTE_DESKTOP,
    Origin.EXPERT,
    SVCHOST,
    port=REMOTE_DESKTOP_PORT,
    service="termservice",
)
EVENT_LOG = Need(
    "Remote Event Log Management (RPC)",
    Kind.PROGRAM,
    Origin.WORKER,
    SVCHOST,
    service="eventlog",
    is_rpc=True,
)

OFFER_NEEDS = {
    System.XP: (RPC, HELPSVC, HELPCTR, SESSMGR),
    System.SERVER_2003: (RPC, HELPSVC, HELPCTR, REMOTE_DESKTOP),
    System.VISTA: (RPC, RASERVER, MSRA),
}
EVENT_LOG_NEEDS = (RPC, EVENT_LOG)
NEEDS = tuple(
    dict.fromkeys(need for needs in (*OFFER_NEEDS.values(), EVENT_LOG_NEEDS) for need in needs)
)


@dataclass(frozen=True)
class Windows:
    """A computer's Windows as its firewall is judged.

    Attributes:
        system: The generation of the firewall.
        version: Such as (10, 0); None where the directory does not say.
    """

    system: System
    version: tuple[int, int] | None = None


def windows_of(operating_system: str, version: str) -> Windows | None:
    """The firewall that a computer has.

    Args:
        operating_system: As the directory has it: ``Windows XP Professional``.
        version: operatingSystemVersion: ``5.1 (2600)``.

    Returns:
        None where it is not Windows, has no Windows Firewall, or is not known.
    """
    name = operating_system.lower()
    if "windows" not in name or re.search(r"\b(2000|nt)\b", name):
        return None
    found = VERSION.match(version)
    number = (int(found[1]), int(found[2])) if found else None
    if re.search(r"\b2003\b", name):
        return Windows(System.SERVER_2003, number)
    if re.search(r"\bxp\b", name) or (number is not None and number < (6, 0)):
        return Windows(System.XP, number)
    return Windows(System.VISTA, number)
