"""Sealing a long trail, and verifying it as an auditor does."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from django.db import connection

from assist import audit
from bench.measured import BenchError, measure
from bench.report import Report

_HAVE_WAIT = """
INSERT INTO assist_auditunsealed (event_id)
SELECT event.id FROM assist_auditevent event
  LEFT JOIN assist_auditseal seal ON seal.event_id = event.id
  LEFT JOIN assist_auditunsealed waiting ON waiting.event_id = event.id
 WHERE seal.event_id IS NULL AND waiting.event_id IS NULL
"""


def seal_and_verify(say: Report) -> dict[str, Any]:
    """Seals every event of the database, also those written without its triggers, and verifies."""
    with connection.cursor() as cursor:
        cursor.execute(_HAVE_WAIT)
    began = time.perf_counter()
    sealed = audit.seal()
    seal_s = time.perf_counter() - began
    say(f"{sealed} events sealed: {sealed / seal_s:,.0f}/s")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE assist_auditseal, assist_auditevent, assist_auditunsealed")
    done = measure([sys.executable, "manage.py", "audit_verify", "--json"], os.environ)
    answer = json.loads(done.output.splitlines()[-1])
    if not answer["holds"] or answer["count"] != sealed:
        raise BenchError(f"the chain does not hold: {answer}")
    rate = answer["count"] / answer["seconds"]
    say(f"{sealed} events verified: {rate:,.0f}/s, {done.peak_rss_mb:.0f} MiB")
    return {
        "events": sealed,
        "seal_events_s": round(sealed / seal_s),
        "verify_events_s": round(rate),
        "verify_wall_s": round(done.wall_s, 2),
        "verify_cpu_s": round(done.cpu_s, 2),
        "verify_peak_rss_mb": round(done.peak_rss_mb, 1),
    }
