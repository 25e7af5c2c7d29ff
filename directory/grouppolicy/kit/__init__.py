"""The Group Policy kit: what a domain needs so that offers arrive, as files to import or to follow.

``choice`` says what is wanted, ``values`` which registry values that is, ``files`` writes them in
every form, ``drift`` tells how far a policy that exists is from it.
"""

from __future__ import annotations

from directory.grouppolicy.kit.choice import Generation, KitChoice, Profile, UnsuitableChoice
from directory.grouppolicy.kit.drift import Difference, differences
from directory.grouppolicy.kit.files import kit_files
from directory.grouppolicy.kit.values import kit_values

__all__ = [
    "Difference",
    "Generation",
    "KitChoice",
    "Profile",
    "UnsuitableChoice",
    "differences",
    "kit_files",
    "kit_values",
]
