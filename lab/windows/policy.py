"""The policy in force on the simulated computers, and whom it lets call."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from lab.windows import results
from lab.windows.caller import Caller
from lab.windows.ntlm import NtlmAccount

DEBIAN_PYTHON = "/usr/bin/python3"  # where python3-samba lives
DOMAIN_ADMINS_RID = "-512"


@dataclass(frozen=True)
class Policy:
    """Offer Remote Assistance as one computer has it in force; None is not configured."""

    offers: bool | None
    control: bool | None
    helpers: frozenset[str]

    def refusal(self, caller: Caller) -> int:
        """The HRESULT that a caller is refused with, or S_OK.

        Windows puts the policy's helper list into the local group *Offer Remote Assistance
        Helpers*, which DCOM lets activate RASrv ([MS-RAI] 8, note 1). Not configured leaves
        the group empty. Domain Admins come in through the local Administrators: documented for
        XP, taken over for later Windows.
        """
        if self.offers is False:
            return results.DISABLED_BY_POLICY
        if self.offers is None:
            return results.E_ACCESSDENIED
        is_administrator = any(sid.endswith(DOMAIN_ADMINS_RID) for sid in caller.group_sids)
        if is_administrator or self.helpers & caller.sids:
            return results.S_OK
        return results.E_ACCESSDENIED


@dataclass(frozen=True)
class DomainPolicies:
    """What the domain controller's files say: policies by computer, SIDs by account name.

    Attributes:
        accounts: What NTLM needs of the accounts that people and services have.
    """

    computers: dict[str, Policy]
    sids: dict[str, str]
    accounts: dict[str, NtlmAccount] = field(default_factory=dict)


def read_policies(smb_conf: Path, only: str = "") -> DomainPolicies:
    """Reads them in a process of Debian's Python.

    Args:
        smb_conf: The domain controller's configuration.
        only: The one computer whose policy is wanted; all but those for load by default.

    Raises:
        subprocess.CalledProcessError: the database or SYSVOL cannot be read.
    """
    script = Path(__file__).with_name("policies_in_force.py")
    finished = subprocess.run(
        [DEBIAN_PYTHON, str(script), str(smb_conf), only],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(finished.stdout)
    return DomainPolicies(
        {
            name: Policy(
                offers=policy["offers"],
                control=policy["control"],
                helpers=frozenset(policy["helpers"]),
            )
            for name, policy in found["computers"].items()
        },
        found["sids"],
        {
            name: NtlmAccount(
                bytes.fromhex(account["nt_hash"]), account["sid"], frozenset(account["groups"])
            )
            for name, account in found["accounts"].items()
        },
    )
