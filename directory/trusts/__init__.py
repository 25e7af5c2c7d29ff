"""Does one domain let accounts of another in: by which trusts, with which of their SIDs."""

from __future__ import annotations

from directory.trusts.rules import way
from directory.trusts.shapes import Cause, Effect, Hop, TrustMap, TrustWay

__all__ = ["Cause", "Effect", "Hop", "TrustMap", "TrustWay", "way"]
