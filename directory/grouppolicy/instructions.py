"""Names of values in Registry.pol that are instructions: [MS-GPREG] 3.2.5.1.2, in small letters."""

from __future__ import annotations

DELETE_ALL_VALUES = "**delvals"  # also written with a dot at the end
DELETE_VALUE = "**del."
DELETE_VALUES = "**deletevalues"
DELETE_KEYS = "**deletekeys"
SOFT = "**soft."  # set only where nothing is set yet
