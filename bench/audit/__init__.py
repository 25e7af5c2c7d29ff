"""The audit trail and reports, measured."""
