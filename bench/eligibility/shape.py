"""How large the made-up directory is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Numbers of everything; two domains of one forest share it 7 to 3.

    Attributes:
        computers: Number of computers.
        experts: Accounts with the portal's role expert.
        accounts: Others, in groups as well.
        groups: Nested security groups.
        policies: Half of them speak of Remote Assistance.
        units: Up to five deep.
        links: One in twenty enforced, one in twenty disabled.
    """

    computers: int
    experts: int
    accounts: int
    groups: int = 500
    policies: int = 200
    units: int = 3000
    links: int = 900

    @classmethod
    def of_size(cls, computers: int) -> Shape:
        if computers >= 100_000:
            return cls(computers, computers // 100, computers // 5)
        share = computers / 100_000
        return cls(
            computers,
            max(10, computers // 100),
            computers // 5,
            units=max(30, int(3000 * share)),
            links=max(200, int(900 * share)),
        )
