"""Settings of every test run, in place before Django reads them (loaded with ``-p``).

PostgreSQL and Redis come from ``tests.services``; without it a run uses SQLite. Where the lab is
up, its own settings are taken; where it is not, the same values without the files.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
# How many objects the lab has beside its story; 0: whatever it has.
LAB_OBJECTS = int(os.environ.get("LAB_OBJECTS", "0"))
LAB_DIR = Path(os.environ.setdefault("LAB_DIR", str(ROOT / ".lab")))
os.environ.setdefault("LAB_CACHE", str(LAB_DIR / "cache"))  # labs of single tests share it

DOMAIN = "r2.local"

_FIXED = {
    "SECRET_KEY": "a-secret-of-the-tests-that-is-fifty-characters-long-enough",
    "INVITATION_KEYS": Fernet.generate_key().decode(),
    "LOG_FORMAT": "text",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "DIRECTORY_DOMAIN": DOMAIN,
    "DIRECTORY_SERVERS": "dc1.r2.local",
    "DIRECTORY_DNS_SERVERS": "127.0.10.1",
    "DIRECTORY_CA_FILE": str(LAB_DIR / "ca.pem"),
    "DIRECTORY_BIND_USER": "svc-ra-directory@r2.local",
    "DIRECTORY_BIND_PASSWORD": "Lab-Directory-2026!",
    "KRB5_CONFIG": str(LAB_DIR / "krb5.conf"),
    "SERVICE_PRINCIPAL": "svc-ra-portal@R2.LOCAL",
    "SERVICE_KEYTAB_FILE": str(LAB_DIR / "keytabs" / "svc-ra-portal.keytab"),
    "NOVICE_SUBNETS": "127.0.11.0/24",
    "ROLE_EXPERT_GROUPS": r"R2\Remote Assistance Experts",
    "ROLE_MANAGER_GROUPS": r"R2\Remote Assistance Managers",
    "ROLE_AUDITOR_GROUPS": r"R2\Remote Assistance Auditors",
    "ROLE_OPERATOR_GROUPS": r"R2\Remote Assistance Operators",
}
for _name, _value in _FIXED.items():
    os.environ[_name] = _value

_relaxed = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("sample", max_examples=60, deadline=None, suppress_health_check=_relaxed)
settings.register_profile("soak", max_examples=5000, deadline=None, suppress_health_check=_relaxed)
settings.load_profile("sample")


def sample_size(sample: int, *, soak: int) -> int:
    """How many examples of something long to run: all of them only under ``make soak``."""
    return soak if os.environ.get("SOAK") else sample
