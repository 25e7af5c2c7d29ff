"""Who does something: an explicit argument of every act, never a hidden global."""

from __future__ import annotations

from dataclasses import dataclass

from assist.roles import roles_of
from directory.models import Account


@dataclass(frozen=True)
class Actor:
    """The person, or the portal itself, behind an act.

    Attributes:
        sid: The account's SID; empty for the portal itself.
        name: The name at the time, as ``DOMAIN\\name``.
        roles: What she is in the portal: expert, manager, auditor, operator, approver.
        account: The account in the directory, if there is one.
        source_address: The IP address the request came from, if it came over the network.
        request_id: What joins this act to its log lines.
    """

    sid: str
    name: str
    roles: frozenset[str] = frozenset()
    account: Account | None = None
    source_address: str | None = None
    request_id: str = ""

    @classmethod
    def portal(cls, request_id: str = "") -> Actor:
        """The portal acting by itself: a worker, a deadline, the sealer."""
        return cls(sid="", name="portal", request_id=request_id)

    @classmethod
    def of_account(
        cls, account: Account, *, source_address: str | None = None, request_id: str = ""
    ) -> Actor:
        """The actor that this account of the directory is, with its present roles."""
        return cls(
            sid=account.sid,
            name=str(account),
            roles=roles_of(account),
            account=account,
            source_address=source_address,
            request_id=request_id,
        )

    @property
    def is_portal(self) -> bool:
        return not self.sid

    @property
    def may_read_all_offers(self) -> bool:
        return bool(self.roles & {"manager", "auditor", "operator"})

    @property
    def is_operator(self) -> bool:
        return "operator" in self.roles

    @property
    def may_read_audit_trail(self) -> bool:
        return bool(self.roles & {"manager", "auditor"})

    @property
    def may_approve(self) -> bool:
        """Offers to protected computers whose rule names no group of approvers."""
        return bool(self.roles & {"approver", "manager"})

    @property
    def may_manage_readiness(self) -> bool:
        return bool(self.roles & {"manager", "operator"})
