"""What Active Directory says, as of the last synchronisation."""

from __future__ import annotations

from directory.models.base import DirectoryObject
from directory.models.dns import DnsAddress, DnsNode
from directory.models.domain import CrossRef, Domain, OrganizationalUnit, Site, Subnet, Trust
from directory.models.policy import (
    GroupPolicy,
    GroupPolicyLink,
    HelperEntry,
    SharedChange,
    WmiFilter,
)
from directory.models.principals import (
    Account,
    Computer,
    ForeignSecurityPrincipal,
    Group,
    Membership,
    Principal,
)
from directory.models.run import ReplicationCursor, SyncProblem, SyncRun

__all__ = [
    "Account",
    "Computer",
    "CrossRef",
    "DirectoryObject",
    "DnsAddress",
    "DnsNode",
    "Domain",
    "ForeignSecurityPrincipal",
    "Group",
    "GroupPolicy",
    "GroupPolicyLink",
    "HelperEntry",
    "Membership",
    "OrganizationalUnit",
    "Principal",
    "ReplicationCursor",
    "SharedChange",
    "Site",
    "Subnet",
    "SyncProblem",
    "SyncRun",
    "Trust",
    "WmiFilter",
]
