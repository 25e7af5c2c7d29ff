"""Which operating systems can receive an offer. Pure.

What the directory calls them is what Windows wrote there when it last started in its domain.
"""

from __future__ import annotations

import re

from assist.eligibility.decision import Effect, Finding
from assist.eligibility.facts import ComputerFacts

RULE = "computer.operating_system"
_VERSION = re.compile(r"(\d+)\.(\d+)")
_HOME = re.compile(r"\b(Home|Starter|Single Language)\b")


def is_older_interface(computer: ComputerFacts) -> bool:
    """Whether it is a Windows older than Vista, which knows only IPCHService ([MS-RAI] 3.1)."""
    version = _VERSION.match(computer.operating_system_version)
    is_old = version is not None and int(version[1]) < 6
    return is_old or re.search(r"\b(XP|2000|2003)\b", computer.operating_system) is not None


def _is_too_old(computer: ComputerFacts) -> bool:
    """Whether it is older than Windows XP, where Remote Assistance begins."""
    version = _VERSION.match(computer.operating_system_version)
    if version is not None:
        return (int(version[1]), int(version[2])) < (5, 1)
    return re.search(r"\b(2000|NT)\b", computer.operating_system) is not None


def operating_system_finding(computer: ComputerFacts) -> Finding:
    """Whether the computer's Windows can receive an offer over the interface we speak."""
    name, system = computer.reference.name, computer.operating_system.strip()
    evidence = (computer.reference,)
    if not system:
        return Finding(
            "computer.operating_system_unknown",
            Effect.UNKNOWN,
            f"The directory does not say which operating system {name} runs.",
            evidence,
            "A Windows computer writes it there when it starts in its domain.",
        )
    if "windows" not in system.lower():
        return Finding(
            "computer.not_windows",
            Effect.DENY,
            f"{name} runs {system}, which has no Remote Assistance.",
            evidence,
            "Help this user in another way.",
        )
    if _HOME.search(system):
        return Finding(
            "computer.home_edition",
            Effect.DENY,
            f"{name} runs {system}: a Home edition takes no offers.",
            evidence,
            "Have the user send an invitation, or upgrade the edition.",
        )
    if _is_too_old(computer):
        return Finding(
            "computer.too_old",
            Effect.DENY,
            f"{name} runs {system}, which is older than Remote Assistance.",
            evidence,
            "Help this user in another way, or upgrade the computer.",
        )
    if computer.is_domain_controller:
        return Finding(
            "computer.domain_controller",
            Effect.UNKNOWN,
            f"{name} is a domain controller, which has no local groups of its own; where Windows "
            "keeps its helpers is not documented.",
            evidence,
            "Help there in another way, as an administrator.",
        )
    if is_older_interface(computer):
        return Finding(
            RULE,
            Effect.ALLOW,
            f"{name} runs {system}, which is offered help by the older interface, IPCHService.",
            evidence,
        )
    if "server" in system.lower():
        return Finding(
            RULE,
            Effect.ALLOW,
            f"{name} runs {system}; on a server Remote Assistance is a feature that may not be "
            "installed.",
            evidence,
        )
    return Finding(RULE, Effect.ALLOW, f"{name} runs {system}.", evidence)
