"""Settings, all from the environment. docs/settings.md lists every variable with its unit."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from portal import logs
from portal.environment import (
    addresses,
    choices,
    days_by_kind,
    env,
    hours_of_day,
    networks,
    positive_seconds,
    secret,
    whole_number,
)

KNOWN_AUTHORITIES = ("service", "delegated", "handoff")
BASE_DIR = Path(__file__).resolve().parent.parent

# --- Django ---------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = secret("SECRET_KEY")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Put 50 random characters in SECRET_KEY or name their file in "
            "SECRET_KEY_FILE."
        )
    SECRET_KEY = "for-development-only"  # noqa: S105 - reached only with DEBUG on
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1"])
PORTAL_URL = env.str("PORTAL_URL", "http://127.0.0.1:8000")
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]
HTTPS = urlsplit(PORTAL_URL).scheme == "https"
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "directory",
    "assist",
    "portal",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.RequestIdMiddleware",
    "portal.middleware.SecurityHeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.signin.middleware.SignInRequiredMiddleware",
    "portal.middleware.PortalErrorMiddleware",
]
ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.navigation",
            ],
        },
    },
]
AUTH_USER_MODEL = "portal.User"
AUTHENTICATION_BACKENDS = ["portal.signin.backend.ActiveDirectoryBackend"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = env.str("TIME_ZONE", "UTC")
USE_TZ = True

DATABASES = {"default": env.dj_db_url("DATABASE_URL", f"sqlite:///{BASE_DIR / 'portal.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Writers queue instead of failing half-way: WAL for readers, IMMEDIATE so that a transaction
    # that will write takes its lock at the start.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONNECTION_MAX_AGE_SECONDS", 60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # Walks over memberships are estimated far too dear, and compiling one (jit) takes PostgreSQL
    # 50 ms where the answer takes one.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("options", "-c jit=off")

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = int(positive_seconds("SESSION_LIFETIME_SECONDS", 8 * 3600))
# Sign-in with Windows (SPNEGO): on where the keytab of the web account is set.
SINGLE_SIGN_ON_PRINCIPAL = env.str("SINGLE_SIGN_ON_PRINCIPAL", "")
SINGLE_SIGN_ON_KEYTAB_FILE = env.str("SINGLE_SIGN_ON_KEYTAB_FILE", "")
SINGLE_SIGN_ON_HOST = env.str("SINGLE_SIGN_ON_HOST", urlsplit(PORTAL_URL).hostname or "")
SIGN_IN_WINDOW_SECONDS = positive_seconds("SIGN_IN_WINDOW_SECONDS", 900)
SIGN_IN_REFUSALS_PER_ACCOUNT = env.int("SIGN_IN_REFUSALS_PER_ACCOUNT", 8)
SIGN_IN_REFUSALS_PER_ADDRESS = env.int("SIGN_IN_REFUSALS_PER_ADDRESS", 40)
CSRF_COOKIE_SECURE = HTTPS
CSRF_FAILURE_VIEW = "portal.views.csrf_failure"
SECURE_SSL_REDIRECT = HTTPS and env.bool("REDIRECT_TO_HTTPS", True)
SECURE_REDIRECT_EXEMPT = [r"^health$"]  # asked from beside the portal, not through the proxy
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", 31_536_000) if HTTPS else 0
# Subdomains and preloading bind the whole domain, which is not this site's to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

# --- REST -----------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["assist.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.CursorPagination",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "assist.api.errors.answer_error",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Remote Assistance portal",
    "DESCRIPTION": "Offers of Windows Remote Assistance: decide, launch, follow, record.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "OfferState": "assist.models.offer.STATE_CHOICES",
        "OfferMode": "assist.models.offer.MODE_CHOICES",
        "OfferViewer": "assist.models.offer.VIEWER_CHOICES",
        "OfferAuthority": "assist.models.offer.AUTHORITY_CHOICES",
        "EvidenceGrade": "assist.models.Grade",
        "KindEnum": "assist.models.EvidenceKind",
        "ChangeKind": "assist.api.what_ifs.KIND_CHOICES",
        "WhatIfState": "assist.models.WhatIf.State",
    },
}

# --- Celery ---------------------------------------------------------------------------------
REDIS_URL = secret("REDIS_URL", "redis://127.0.0.1:6379/0")
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "background"
CELERY_TASK_ROUTES = {
    "assist.contact_novice": {"queue": "offers"},
    "assist.check_readiness": {"queue": "offers"},  # a person waits
    # Apart, so that looking at logs never stands before a contact.
    "assist.look_at_event_logs": {"queue": "events"},
    "assist.read_event_logs": {"queue": "events"},
    # What offers wait for by the clock stands behind no reading of a directory.
    "assist.sweep_offers": {"queue": "timers"},
    "assist.seal_audit_events": {"queue": "timers"},
    "assist.watch_audit_trail": {"queue": "timers"},
    "assist.note_settings": {"queue": "timers"},
}
CELERY_BEAT_SCHEDULE = {
    "sync-due-domains": {"task": "directory.sync_due_domains", "schedule": 5},
    "sweep-offers": {
        "task": "assist.sweep_offers",
        "schedule": positive_seconds("OFFER_SWEEP_INTERVAL_SECONDS", 5),
    },
    # Expires, so that workers that were away find one of them and not a heap.
    "look-at-event-logs": {
        "task": "assist.look_at_event_logs",
        "schedule": 1,
        "options": {"expires": 5},
    },
    "continue-readiness-sweeps": {"task": "assist.continue_readiness_sweeps", "schedule": 30},
    "continue-what-ifs": {"task": "assist.continue_what_ifs", "schedule": 30},
    "add-up-offers": {
        "task": "assist.add_up_offers",
        "schedule": positive_seconds("REPORT_TALLY_INTERVAL_SECONDS", 60),
        "options": {"expires": 60},
    },
    "send-reports": {
        "task": "assist.send_reports",
        "schedule": 300,
        "options": {"expires": 300},
    },
    "forget-old-runs": {"task": "directory.forget_old_runs", "schedule": 24 * 3600},
    "forget-old-readiness": {"task": "assist.forget_old_readiness", "schedule": 24 * 3600},
    "write-audit-checkpoint": {
        "task": "assist.write_audit_checkpoint",
        "schedule": positive_seconds("AUDIT_CHECKPOINT_INTERVAL_SECONDS", 600),
    },
    "remove-old-audit-events": {
        "task": "assist.remove_old_audit_events",
        "schedule": 24 * 3600,
    },
    "note-settings": {"task": "assist.note_settings", "schedule": 60, "options": {"expires": 60}},
    "watch-audit-trail": {"task": "assist.watch_audit_trail", "schedule": 30},
    "clear-sessions": {"task": "portal.clear_sessions", "schedule": 24 * 3600},
    "seal-audit-events": {
        "task": "assist.seal_audit_events",
        "schedule": positive_seconds("AUDIT_SEAL_INTERVAL_SECONDS", 2),
    },
}

# Hints that may be lost, shared by all processes: which domain controllers did not answer lately.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "portal",
        "OPTIONS": {
            "serializer": "portal.cache.JsonSerializer",
            "socket_connect_timeout": 1,
            "socket_timeout": 1,
        },
    }
}

# --- Active Directory -----------------------------------------------------------------------
# One domain by these alone; several by the file, where these fill what a domain leaves out.
DIRECTORY_CONFIGURATION_FILE = env.str("DIRECTORY_CONFIGURATION_FILE", "")
DIRECTORY_DOMAIN = env.str("DIRECTORY_DOMAIN", "")
DIRECTORY_SERVERS = env.list("DIRECTORY_SERVERS", [])
DIRECTORY_DNS_SERVERS = env.list("DIRECTORY_DNS_SERVERS", [])
DIRECTORY_SITE = env.str("DIRECTORY_SITE", "")
DIRECTORY_TLS = env.str("DIRECTORY_TLS", "ldaps")
DIRECTORY_CA_FILE = env.str("DIRECTORY_CA_FILE", "")
DIRECTORY_BIND_USER = env.str("DIRECTORY_BIND_USER", "")
DIRECTORY_BIND_PASSWORD = secret("DIRECTORY_BIND_PASSWORD")
DIRECTORY_KEYTAB_FILE = env.str("DIRECTORY_KEYTAB_FILE", "")
DIRECTORY_CONNECT_TIMEOUT_SECONDS = positive_seconds("DIRECTORY_CONNECT_TIMEOUT_SECONDS", 5)
DIRECTORY_READ_TIMEOUT_SECONDS = positive_seconds("DIRECTORY_READ_TIMEOUT_SECONDS", 60)
DIRECTORY_CONNECTIONS = whole_number("DIRECTORY_CONNECTIONS", 2, least=1, most=16)
DIRECTORY_INCREMENTAL_INTERVAL_SECONDS = positive_seconds(
    "DIRECTORY_INCREMENTAL_INTERVAL_SECONDS", 15
)
DIRECTORY_FULL_INTERVAL_SECONDS = positive_seconds("DIRECTORY_FULL_INTERVAL_SECONDS", 7 * 24 * 3600)
DIRECTORY_SWEEP_HOUR = whole_number("DIRECTORY_SWEEP_HOUR", 2, least=0, most=23)
DIRECTORY_MAXIMUM_AGE_SECONDS = positive_seconds("DIRECTORY_MAXIMUM_AGE_SECONDS", 24 * 3600)
DIRECTORY_RUN_RETENTION_DAYS = whole_number("DIRECTORY_RUN_RETENTION_DAYS", 90, least=8, most=3650)
DIRECTORY_REMOVAL_LIMIT_PERCENT = env.int("DIRECTORY_REMOVAL_LIMIT_PERCENT", 20)

# --- Roles: groups of Active Directory, as DOMAIN\Group -------------------------------------
ROLE_GROUPS = {
    "expert": env.list("ROLE_EXPERT_GROUPS", []),
    "manager": env.list("ROLE_MANAGER_GROUPS", []),
    "auditor": env.list("ROLE_AUDITOR_GROUPS", []),
    "operator": env.list("ROLE_OPERATOR_GROUPS", []),
    "approver": env.list("ROLE_APPROVER_GROUPS", []),
}

# --- Offers ---------------------------------------------------------------------------------
# Whose account calls the novice's computer; the first is taken where none is named.
OFFER_AUTHORITIES = choices("OFFER_AUTHORITIES", ["service"], known=KNOWN_AUTHORITIES)
SERVICE_PRINCIPAL = env.str("SERVICE_PRINCIPAL", "")
SERVICE_KEYTAB_FILE = env.str("SERVICE_KEYTAB_FILE", "")
SERVICE_NTLM_ALLOWED = env.bool("SERVICE_NTLM_ALLOWED", False)
NOVICE_SUBNETS = networks("NOVICE_SUBNETS")
WORKER_ADDRESSES = addresses("WORKER_ADDRESSES")
CONTACT_CONNECT_TIMEOUT_SECONDS = positive_seconds("CONTACT_CONNECT_TIMEOUT_SECONDS", 5)
CONTACT_CALL_TIMEOUT_SECONDS = positive_seconds("CONTACT_CALL_TIMEOUT_SECONDS", 15)
CONTACT_TOTAL_TIMEOUT_SECONDS = positive_seconds("CONTACT_TOTAL_TIMEOUT_SECONDS", 40)
QUEUE_TIMEOUT_SECONDS = positive_seconds("QUEUE_TIMEOUT_SECONDS", 300)
CHOICE_TIMEOUT_SECONDS = positive_seconds("CHOICE_TIMEOUT_SECONDS", 180)
OPENING_TIMEOUT_SECONDS = positive_seconds("OPENING_TIMEOUT_SECONDS", 300)
ANSWER_TIMEOUT_SECONDS = positive_seconds("ANSWER_TIMEOUT_SECONDS", 120)
ACCEPTED_TIMEOUT_SECONDS = positive_seconds("ACCEPTED_TIMEOUT_SECONDS", 8 * 3600)
EVENT_LOG_FOLLOW = env.bool("EVENT_LOG_FOLLOW", True)
EVENT_LOG_TIMEOUT_SECONDS = positive_seconds("EVENT_LOG_TIMEOUT_SECONDS", 5)
EVENT_LOG_START_WAIT_SECONDS = positive_seconds("EVENT_LOG_START_WAIT_SECONDS", 1)
EVENT_LOG_INTERVAL_SECONDS = positive_seconds("EVENT_LOG_INTERVAL_SECONDS", 2)
EVENT_LOG_LONGEST_INTERVAL_SECONDS = positive_seconds("EVENT_LOG_LONGEST_INTERVAL_SECONDS", 30)
INVITATION_LIFETIME_SECONDS = positive_seconds("INVITATION_LIFETIME_SECONDS", 300)
LATEST_START_SECONDS = positive_seconds("LATEST_START_SECONDS", 7 * 24 * 3600)
LATE_START_TIMEOUT_SECONDS = positive_seconds("LATE_START_TIMEOUT_SECONDS", 600)
APPROVAL_TIMEOUT_SECONDS = positive_seconds("APPROVAL_TIMEOUT_SECONDS", 3600)
LAUNCH_LINK_LIFETIME_SECONDS = positive_seconds("LAUNCH_LINK_LIFETIME_SECONDS", 120)
LAUNCH_SIGNING_KEY = secret("LAUNCH_SIGNING_KEY")
REPORT_WIDE_GROUP = whole_number("REPORT_WIDE_GROUP", 50, least=0, most=1_000_000)

OFFERS_PER_EXPERT_PER_HOUR = whole_number("OFFERS_PER_EXPERT_PER_HOUR", 60, least=1, most=1_000_000)
OFFERS_PER_COMPUTER_PER_HOUR = whole_number(
    "OFFERS_PER_COMPUTER_PER_HOUR", 30, least=1, most=1_000_000
)
OFFER_BURST_SECONDS = positive_seconds("OFFER_BURST_SECONDS", 60)
OFFER_BURST_COUNT = whole_number("OFFER_BURST_COUNT", 10, least=2, most=1_000_000)
# Fernet keys, the first encrypts, all decrypt. `manage.py invitation_key` prints a new one.
INVITATION_KEYS = [key for key in secret("INVITATION_KEYS").split(",") if key]
# Keys of the same form; web processes seal tickets for workers with the first (delegated).
HANDED_TICKET_KEYS = [key for key in secret("HANDED_TICKET_KEYS").split(",") if key]
HANDED_TICKET_LIFETIME_SECONDS = positive_seconds("HANDED_TICKET_LIFETIME_SECONDS", 900)

# --- Audit trail ----------------------------------------------------------------------------
# Ed25519 key in PEM that signs checkpoints; they go to the file, the URL, or both.
AUDIT_CHECKPOINT_KEY = secret("AUDIT_CHECKPOINT_KEY")
AUDIT_CHECKPOINT_FILE = env.str("AUDIT_CHECKPOINT_FILE", "")
AUDIT_CHECKPOINT_URL = env.str("AUDIT_CHECKPOINT_URL", "")
AUDIT_CHECKPOINT_TOKEN = secret("AUDIT_CHECKPOINT_TOKEN")
AUDIT_CHECKPOINT_TIMEOUT_SECONDS = positive_seconds("AUDIT_CHECKPOINT_TIMEOUT_SECONDS", 10)
# No audit, no access: offers wait for the trail.
AUDIT_REQUIRED_FOR_OFFERS = env.bool("AUDIT_REQUIRED_FOR_OFFERS", False)
AUDIT_SEALER_ALERT_SECONDS = positive_seconds("AUDIT_SEALER_ALERT_SECONDS", 60)
AUDIT_SEALER_MAXIMUM_LAG_SECONDS = positive_seconds("AUDIT_SEALER_MAXIMUM_LAG_SECONDS", 300)
AUDIT_SINK_MAXIMUM_AGE_SECONDS = positive_seconds("AUDIT_SINK_MAXIMUM_AGE_SECONDS", 3600)
# Days by kind, as offer.*=2555; what no rule names is kept for ever.
AUDIT_RETENTION_DAYS = days_by_kind("AUDIT_RETENTION_DAYS")
AUDIT_RETENTION_LEAST_EVENTS = whole_number(
    "AUDIT_RETENTION_LEAST_EVENTS", 100, least=1, most=50_000
)

# --- Readiness ------------------------------------------------------------------------------
READINESS_SWEEP_PER_SECOND = whole_number("READINESS_SWEEP_PER_SECOND", 5, least=1, most=1000)
READINESS_SWEEP_AT_ONCE = whole_number("READINESS_SWEEP_AT_ONCE", 8, least=1, most=128)
READINESS_SWEEP_HOURS = hours_of_day("READINESS_SWEEP_HOURS")
READINESS_SWEEP_EVERY_HOURS = whole_number("READINESS_SWEEP_EVERY_HOURS", 0, least=0, most=8760)
READINESS_MAXIMUM_AGE_SECONDS = positive_seconds("READINESS_MAXIMUM_AGE_SECONDS", 7 * 24 * 3600)
READINESS_RETENTION_DAYS = whole_number("READINESS_RETENTION_DAYS", 90, least=1, most=3650)

# --- Reports by e-mail: none without a host ---------------------------------------------------
EMAIL_HOST = env.str("EMAIL_HOST", "")
EMAIL_SECURITY = choices("EMAIL_SECURITY", ["starttls"], known=("starttls", "tls", "none"))[0]
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_SECURITY == "starttls", EMAIL_SECURITY == "tls"
EMAIL_PORT = whole_number("EMAIL_PORT", 587, least=1, most=65535)
EMAIL_HOST_USER = env.str("EMAIL_USER", "")
EMAIL_HOST_PASSWORD = secret("EMAIL_PASSWORD")
EMAIL_TIMEOUT = positive_seconds("EMAIL_TIMEOUT_SECONDS", 20)
REPORT_MAIL_FROM = env.str("REPORT_MAIL_FROM", "remote-assistance@localhost")
REPORT_MAIL_HOUR = whole_number("REPORT_MAIL_HOUR", 6, least=0, most=23)

# --- Logging: one JSON object a line, or text for a person ----------------------------------
logs.configure()
LOG_FORMAT = env.str("LOG_FORMAT", "json")
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"structured": {"()": "portal.logs.formatter", "style_name": LOG_FORMAT}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "smbprotocol": {"level": "WARNING"},
        "spnego": {"level": "WARNING"},
        "impacket": {"level": "WARNING"},
    },
}
