"""The Celery application. Four queues, each better with workers of its own:

``offers``, where a person waits; ``events``, looks at novices' event logs; ``timers``, short and by
the clock (deadlines, held offers, the audit trail); ``background``, readings of the directory and
sweeps, which take minutes. One worker for all of them:
``celery -A portal worker -Q offers,events,timers,background``.
"""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
