"""What the portal's own accounts may do beyond what they need: each right is one to steal."""

from __future__ import annotations

from assist.doctor.examining import examine_accounts
from assist.doctor.findings import Examined, Level, Remark

__all__ = ["Examined", "Level", "Remark", "examine_accounts"]
