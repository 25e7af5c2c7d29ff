from assist.models.alert import OfferAlert
from assist.models.audit import (
    AuditCheckpoint,
    AuditEvent,
    AuditPersonal,
    AuditSeal,
    AuditStub,
    AuditUnsealed,
)
from assist.models.evidence import (
    EventRoute,
    Evidence,
    EvidenceKind,
    EvidenceSource,
    Grade,
    WindowsEvent,
)
from assist.models.following import LogFollowing
from assist.models.hand_off import LaunchLink
from assist.models.invitation import Invitation
from assist.models.offer import LogonSessionChoice, Offer, OfferTransition
from assist.models.protection import Approval, ProtectionRule
from assist.models.readiness import (
    ComputerReadiness,
    ReadinessCause,
    ReadinessSweep,
    SavedSearch,
)
from assist.models.report import OfferTally, ReportSchedule, SavedView, TallyMark, TallySpan
from assist.models.ticket import HandedTicket, KeptSignInTicket
from assist.models.token import ApiToken, TokenScope
from assist.models.what_if import WhatIf

__all__ = [
    "ApiToken",
    "Approval",
    "AuditCheckpoint",
    "AuditEvent",
    "AuditPersonal",
    "AuditSeal",
    "AuditStub",
    "AuditUnsealed",
    "ComputerReadiness",
    "EventRoute",
    "Evidence",
    "EvidenceKind",
    "EvidenceSource",
    "Grade",
    "HandedTicket",
    "Invitation",
    "KeptSignInTicket",
    "LaunchLink",
    "LogFollowing",
    "LogonSessionChoice",
    "Offer",
    "OfferAlert",
    "OfferTally",
    "OfferTransition",
    "ProtectionRule",
    "ReadinessCause",
    "ReadinessSweep",
    "ReportSchedule",
    "SavedSearch",
    "SavedView",
    "TallyMark",
    "TallySpan",
    "TokenScope",
    "WhatIf",
    "WindowsEvent",
]
