"""What Active Directory says, as of the last synchronisation."""

from __future__ import annotations

from directory.models.domain import Domain, OrganizationalUnit, Trust
from directory.models.policy import GroupPolicy, GroupPolicyLink, HelperEntry
from directory.models.principals import Account, Computer, Group, Membership, Principal
from directory.models.run import SyncRun

__all__ = [
    "Account",
    "Computer",
    "Domain",
    "Group",
    "GroupPolicy",
    "GroupPolicyLink",
    "HelperEntry",
    "Membership",
    "OrganizationalUnit",
    "Principal",
    "SyncRun",
    "Trust",
]
