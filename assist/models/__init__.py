from assist.models.audit import AuditEvent, AuditSeal
from assist.models.evidence import (
    EventRoute,
    Evidence,
    EvidenceKind,
    EvidenceSource,
    Grade,
    WindowsEvent,
)
from assist.models.following import LogFollowing
from assist.models.invitation import Invitation
from assist.models.offer import LogonSessionChoice, Offer, OfferTransition
from assist.models.readiness import (
    ComputerReadiness,
    ReadinessCause,
    ReadinessSweep,
    SavedSearch,
)
from assist.models.token import ApiToken, TokenScope
from assist.models.what_if import WhatIf

__all__ = [
    "ApiToken",
    "AuditEvent",
    "AuditSeal",
    "ComputerReadiness",
    "EventRoute",
    "Evidence",
    "EvidenceKind",
    "EvidenceSource",
    "Grade",
    "Invitation",
    "LogFollowing",
    "LogonSessionChoice",
    "Offer",
    "OfferTransition",
    "ReadinessCause",
    "ReadinessSweep",
    "SavedSearch",
    "TokenScope",
    "WhatIf",
    "WindowsEvent",
]
