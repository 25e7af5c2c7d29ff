"""The settings of Django as the values that the packages without Django take."""

from __future__ import annotations

from typing import Literal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from directory.dns import DomainResolver
from directory.ldap import DirectoryConnectionSettings


def connection_settings() -> DirectoryConnectionSettings:
    """How to reach the configured domain.

    Raises:
        ImproperlyConfigured: DIRECTORY_DOMAIN is not set, or DIRECTORY_TLS is neither way.
    """
    if not settings.DIRECTORY_DOMAIN:
        raise ImproperlyConfigured("DIRECTORY_DOMAIN is not set: the domain's DNS name, r2.local.")
    if settings.DIRECTORY_TLS not in ("ldaps", "starttls"):
        raise ImproperlyConfigured("DIRECTORY_TLS must be ldaps or starttls.")
    tls: Literal["ldaps", "starttls"] = settings.DIRECTORY_TLS
    return DirectoryConnectionSettings(
        domain=settings.DIRECTORY_DOMAIN.lower(),
        servers=tuple(settings.DIRECTORY_SERVERS),
        dns_servers=tuple(settings.DIRECTORY_DNS_SERVERS),
        ca_file=settings.DIRECTORY_CA_FILE,
        bind_user=settings.DIRECTORY_BIND_USER,
        bind_password=settings.DIRECTORY_BIND_PASSWORD,
        tls=tls,
        connect_timeout_seconds=settings.DIRECTORY_CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds=settings.DIRECTORY_READ_TIMEOUT_SECONDS,
    )


def resolver() -> DomainResolver:
    """Asks the configured domain's DNS servers."""
    return DomainResolver(
        tuple(settings.DIRECTORY_DNS_SERVERS), settings.DIRECTORY_CONNECT_TIMEOUT_SECONDS
    )
