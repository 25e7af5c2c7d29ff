"""The Windows Firewall as Group Policy sets it: what policies say, merged, and what that means.

``read_firewall`` reads one policy, ``merge_firewalls`` puts those together that apply to a
computer, ``offer_verdict`` and ``event_log_verdict`` judge the result.
"""

from __future__ import annotations

from directory.grouppolicy.firewall.merging import MergedFirewall, PolicySource, merge_firewalls
from directory.grouppolicy.firewall.needs import Origin, System, Windows, windows_of
from directory.grouppolicy.firewall.scope import Address
from directory.grouppolicy.firewall.values import FirewallPolicy, read_firewall
from directory.grouppolicy.firewall.verdict import (
    FirewallVerdict,
    Origins,
    State,
    event_log_verdict,
    offer_verdict,
)

__all__ = [
    "Address",
    "FirewallPolicy",
    "FirewallVerdict",
    "MergedFirewall",
    "Origin",
    "Origins",
    "PolicySource",
    "State",
    "System",
    "Windows",
    "event_log_verdict",
    "merge_firewalls",
    "offer_verdict",
    "read_firewall",
    "windows_of",
]
