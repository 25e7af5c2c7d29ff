"""The audit trail: append, seal into a hash chain, verify. docs/audit-format.md is its format."""

from assist.audit.checkpoints import checkpoint_write, is_configured
from assist.audit.events import record
from assist.audit.retention import removable, remove_old
from assist.audit.sealing import seal, sealer_lag, unsealed_count
from assist.audit.standing import Standing, standing
from assist.audit.verifying import BadEvent, Verification, verify

__all__ = [
    "BadEvent",
    "Standing",
    "Verification",
    "checkpoint_write",
    "is_configured",
    "record",
    "removable",
    "remove_old",
    "seal",
    "sealer_lag",
    "standing",
    "unsealed_count",
    "verify",
]
