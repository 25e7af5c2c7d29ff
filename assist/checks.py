"""Wrong configuration stops the start, with a hint."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from assist.audit.signing import parse_private_key
from assist.authority.sealing import parse_key
from assist.errors import NotConfigured
from assist.launch_links import signing_key
from assist.lifecycle import Authority
from assist.remote_assistance.errors import RemoteAssistanceError
from assist.remote_assistance.kerberos import KeytabCredential
from assist.remote_assistance.ntlm import ntlm_account

LONGEST_EVENT_LOG_TIMEOUT = 10  # seconds; a batch of looks must end within its claim


@register(Tags.security)
def invitation_keys(**_: Any) -> list[CheckMessage]:
    """Invitations are encrypted at rest: without a key there is none."""
    hint = "Make one with `python manage.py invitation_key` and set INVITATION_KEYS."
    if not settings.INVITATION_KEYS:
        return [Error("INVITATION_KEYS is not set.", hint=hint, id="assist.E001")]
    for key in settings.INVITATION_KEYS:
        try:
            Fernet(key)
        except ValueError:
            message = "INVITATION_KEYS holds something that is not a Fernet key."
            return [Error(message, hint=hint, id="assist.E002")]
    return []


@register(Tags.security)
def hand_off(**_: Any) -> list[CheckMessage]:
    """Launch links are signed, and confirmed over HTTPS."""
    if Authority.HANDOFF not in settings.OFFER_AUTHORITIES:
        return []
    found: list[CheckMessage] = []
    try:
        signing_key()
    except NotConfigured as error:
        found.append(Error(error.sentence, hint=error.remedy, id="assist.E003"))
    if not settings.HTTPS and not settings.DEBUG:
        found.append(
            Error(
                "OFFER_AUTHORITIES allows handoff, but PORTAL_URL is not https.",
                hint="Launchers confirm links at PORTAL_URL, by https alone.",
                id="assist.E004",
            )
        )
    return found


@register(Tags.security)
def service_account(**_: Any) -> list[CheckMessage]:
    """The portal calls computers with an account of its own, by keytab."""
    if Authority.SERVICE not in settings.OFFER_AUTHORITIES:
        return []
    if not settings.SERVICE_PRINCIPAL:
        return [
            checks.Warning(
                "SERVICE_PRINCIPAL is not set: no offer can be made.",
                hint="Name the portal's account, as svc-ra-portal@R2.LOCAL.",
                id="assist.W001",
            )
        ]
    path = settings.SERVICE_KEYTAB_FILE
    if not path or not Path(path).is_file():
        return [
            checks.Info(
                f"SERVICE_KEYTAB_FILE is not a file here: {path or 'not set'}.",
                hint="Workers need it; a process that only serves pages does not.",
                id="assist.I001",
            )
        ]
    return []


@register()
def event_logs(**_: Any) -> list[CheckMessage]:
    """Somebody may read event logs; looks get rarer, not more frequent, and outlive no claim."""
    found: list[CheckMessage] = []
    if settings.EVENT_LOG_FOLLOW and not settings.SERVICE_PRINCIPAL:
        found.append(
            checks.Info(
                "SERVICE_PRINCIPAL is not set: no event log is read, and outcomes are assumed.",
                hint="Name an account in the computers' Event Log Readers, whoever offers help.",
                id="assist.I012",
            )
        )
    if settings.EVENT_LOG_LONGEST_INTERVAL_SECONDS < settings.EVENT_LOG_INTERVAL_SECONDS:
        found.append(
            Error(
                "EVENT_LOG_LONGEST_INTERVAL_SECONDS is below EVENT_LOG_INTERVAL_SECONDS.",
                hint="Give the longer of both to the longest.",
                id="assist.E014",
            )
        )
    if settings.EVENT_LOG_TIMEOUT_SECONDS > LONGEST_EVENT_LOG_TIMEOUT:
        found.append(
            Error(
                f"EVENT_LOG_TIMEOUT_SECONDS is above {LONGEST_EVENT_LOG_TIMEOUT} seconds.",
                hint="A log that takes longer is looked at again; 5 seconds do for most networks.",
                id="assist.E015",
            )
        )
    return found


@register(Tags.security)
def ntlm_key(**_: Any) -> list[CheckMessage]:
    """Where NTLM is allowed, the keytab must hold what it needs."""
    path = settings.SERVICE_KEYTAB_FILE
    if not settings.SERVICE_NTLM_ALLOWED or not path or not Path(path).is_file():
        return []
    try:
        ntlm_account(KeytabCredential(settings.SERVICE_PRINCIPAL, path))
    except RemoteAssistanceError as error:
        message = f"SERVICE_NTLM_ALLOWED is on: {error.sentence}"
        return [Error(message, hint=error.remedy, id="assist.E009")]
    return []


@register(Tags.security)
def delegation(**_: Any) -> list[CheckMessage]:
    """Calling as the expert takes her sign-in with Windows, and a key to hand tickets over with."""
    if Authority.DELEGATED not in settings.OFFER_AUTHORITIES:
        return []
    found: list[CheckMessage] = []
    hint = "Make one with `python manage.py invitation_key` and set HANDED_TICKET_KEYS."
    if not settings.HANDED_TICKET_KEYS and settings.SINGLE_SIGN_ON_KEYTAB_FILE:
        found.append(Error("HANDED_TICKET_KEYS is not set.", hint=hint, id="assist.E010"))
    elif not settings.HANDED_TICKET_KEYS:
        message = "HANDED_TICKET_KEYS is not set here: this process cannot call as experts."
        hint_of_workers = f"{hint} Web processes and workers for offers need it."
        found.append(checks.Warning(message, hint=hint_of_workers, id="assist.W010"))
    for key in settings.HANDED_TICKET_KEYS:
        try:
            parse_key(key)
        except ValueError:
            message = "HANDED_TICKET_KEYS holds something that is not a key."
            found.append(Error(message, hint=hint, id="assist.E011"))
    if set(settings.HANDED_TICKET_KEYS) & set(settings.INVITATION_KEYS):
        found.append(
            Error(
                "HANDED_TICKET_KEYS and INVITATION_KEYS have a key in common.",
                hint="Make another for HANDED_TICKET_KEYS.",
                id="assist.E012",
            )
        )
    if settings.SINGLE_SIGN_ON_KEYTAB_FILE and "@" not in settings.SINGLE_SIGN_ON_PRINCIPAL:
        found.append(
            Error(
                "SINGLE_SIGN_ON_PRINCIPAL does not name the web account.",
                hint="Name it with its realm, as svc-ra-web@R2.LOCAL.",
                id="assist.E013",
            )
        )
    if not settings.SINGLE_SIGN_ON_KEYTAB_FILE:
        found.append(
            checks.Info(
                "SINGLE_SIGN_ON_KEYTAB_FILE is not set here: no offer can be made as an expert.",
                hint="Web processes need it; workers must not have it.",
                id="assist.I010",
            )
        )
    return found


@register(Tags.security)
def novice_subnets(**_: Any) -> list[CheckMessage]:
    """Where workers may connect to is better said than left to DNS."""
    if settings.NOVICE_SUBNETS:
        return []
    return [
        checks.Info(
            "NOVICE_SUBNETS is not set: workers call whatever address the domain's DNS gives for "
            "a computer of the directory.",
            hint="Name the networks of the novices' computers, as 10.20.0.0/16.",
            id="assist.I011",
        )
    ]


@register(Tags.security)
def audit_checkpoints(**_: Any) -> list[CheckMessage]:
    """Checkpoints need a key and a place outside the database."""
    key, url = settings.AUDIT_CHECKPOINT_KEY, settings.AUDIT_CHECKPOINT_URL
    has_sink = bool(settings.AUDIT_CHECKPOINT_FILE or url)
    found: list[CheckMessage] = []
    if key:
        try:
            parse_private_key(key)
        except NotConfigured as error:
            found.append(Error(error.sentence, hint=error.remedy, id="assist.E020"))
    if settings.AUDIT_REQUIRED_FOR_OFFERS and not (key and has_sink):
        found.append(
            checks.Warning(
                "AUDIT_REQUIRED_FOR_OFFERS is on, and no checkpoints are written.",
                hint="Offers then wait for the sealer alone. Set AUDIT_CHECKPOINT_KEY and a sink.",
                id="assist.W021",
            )
        )
    interval = settings.CELERY_BEAT_SCHEDULE["write-audit-checkpoint"]["schedule"]
    if float(str(interval)) >= settings.AUDIT_SINK_MAXIMUM_AGE_SECONDS:
        found.append(
            Error(
                "AUDIT_SINK_MAXIMUM_AGE_SECONDS is not above AUDIT_CHECKPOINT_INTERVAL_SECONDS.",
                hint="Allow for two checkpoints that fail: three times the interval.",
                id="assist.E022",
            )
        )
    if settings.AUDIT_RETENTION_DAYS and not key:
        found.append(
            Error(
                "AUDIT_RETENTION_DAYS is set, and AUDIT_CHECKPOINT_KEY is not.",
                hint="Stubs of removed events are signed. `manage.py audit_key` prints a key.",
                id="assist.E023",
            )
        )
    if bool(key) != has_sink:
        missing = "AUDIT_CHECKPOINT_FILE and _URL are" if key else "AUDIT_CHECKPOINT_KEY is"
        found.append(
            checks.Warning(
                f"{missing} not set: no checkpoints are written.",
                hint="Without them nobody can tell whether the trail's end was cut off.",
                id="assist.W020",
            )
        )
    if url and urlsplit(url).scheme != "https" and not settings.DEBUG:
        found.append(
            Error(
                "AUDIT_CHECKPOINT_URL is not https.",
                hint="Anybody between could answer in the service's place.",
                id="assist.E021",
            )
        )
    return found
