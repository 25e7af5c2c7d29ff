"""What others may want to know of the directory, which knows nothing of them."""

from __future__ import annotations

from django.dispatch import Signal

# A run of the synchronisation ended. ``run`` is its SyncRun; ``helper_lists`` are the
# HelperListChange that it found. Of a run that succeeded it is sent within the transaction that
# stores what was read.
run_ended = Signal()
