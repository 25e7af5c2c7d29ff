"""The policy in force on a computer, as far as it can be known without asking the computer.

``ordering`` puts links in the order of processing and says which apply, ``filtering`` whom a policy
lets in, ``resolution`` which policy has the last word on each value: pure functions over the values
of ``shapes``. ``standing`` holds what policy says in every place, ``in_force`` asks it for one
computer, ``picture`` for all.

What cannot be told from outside - WMI filters, an unknown site, what cannot be read - is a
:class:`PolicyUnknown` where it could change the result, and never turns into an allow.
"""

from __future__ import annotations

from directory.policies.in_force import policy_in_force, resultant_policy
from directory.policies.picture import PolicyPicture, policy_picture
from directory.policies.resolution import resolve
from directory.policies.shapes import (
    CONTROL,
    HELPERS,
    OFFERS,
    ConsideredLink,
    Container,
    Filter,
    HelperLine,
    Link,
    OverriddenHelper,
    Permissions,
    Policy,
    PolicyUnknown,
    Principal,
    ResultantHelper,
    ResultantPolicy,
    ResultantValue,
    Statement,
)
from directory.policies.standing import Place

__all__ = [
    "CONTROL",
    "HELPERS",
    "OFFERS",
    "ConsideredLink",
    "Container",
    "Filter",
    "HelperLine",
    "Link",
    "OverriddenHelper",
    "Permissions",
    "Place",
    "Policy",
    "PolicyPicture",
    "PolicyUnknown",
    "Principal",
    "ResultantHelper",
    "ResultantPolicy",
    "ResultantValue",
    "Statement",
    "policy_in_force",
    "policy_picture",
    "resolve",
    "resultant_policy",
]
