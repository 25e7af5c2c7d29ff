"""Wrong configuration stops the start, with a hint."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.core.exceptions import ImproperlyConfigured


@register(Tags.security)
def directory(**_: Any) -> list[CheckMessage]:
    """Without a domain nobody signs in."""
    found: list[CheckMessage] = []
    if not settings.DIRECTORY_DOMAIN:
        found.append(
            Error(
                "DIRECTORY_DOMAIN is not set.",
                hint="Set it to the DNS name of the domain, as r2.local.",
                id="portal.E001",
            )
        )
    if settings.DIRECTORY_TLS not in ("ldaps", "starttls"):
        found.append(
            Error(
                f"DIRECTORY_TLS is {settings.DIRECTORY_TLS}.",
                hint="Set it to ldaps or starttls; passwords never go unencrypted.",
                id="portal.E002",
            )
        )
    if not settings.DIRECTORY_DNS_SERVERS and settings.DIRECTORY_DOMAIN:
        found.append(
            Info(
                "DIRECTORY_DNS_SERVERS is not set.",
                hint="Name the domain's DNS servers: offers look up computers there and nowhere "
                "else.",
                id="portal.I003",
            )
        )
    return found


@register(Tags.security)
def certificate_authority(**_: Any) -> list[CheckMessage]:
    """The domain controllers' certificates are checked against this file."""
    path = settings.DIRECTORY_CA_FILE
    hint = "Name the PEM file with the authority that issued the domain controllers' certificates."
    if not path:
        return [Error("DIRECTORY_CA_FILE is not set.", hint=hint, id="portal.E003")]
    if not Path(path).is_file():
        return [
            checks.Warning(
                f"DIRECTORY_CA_FILE is not a file here: {path}. Nobody can sign in.",
                hint=hint,
                id="portal.W001",
            )
        ]
    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError):
        message = f"DIRECTORY_CA_FILE holds no certificate that can be read: {path}."
        return [Error(message, hint=hint, id="portal.E004")]
    return []


@register(Tags.security)
def role_groups(**_: Any) -> list[CheckMessage]:
    """Roles come from groups; a role without a group is nobody's."""
    found: list[CheckMessage] = []
    for role, groups in settings.ROLE_GROUPS.items():
        variable = f"ROLE_{role.upper()}_GROUPS"
        hint = rf"Set {variable} to groups of the domain, as R2\Remote Assistance Experts."
        if not groups and role == "expert":
            found.append(
                checks.Warning(
                    f"{variable} is not set: nobody may offer help.", hint=hint, id="portal.W002"
                )
            )
        elif not groups:
            found.append(
                Info(f"{variable} is not set: nobody is {role}.", hint=hint, id="portal.I001")
            )
        found += [
            Error(f"{variable} names {group} without its domain.", hint=hint, id="portal.E005")
            for group in groups
            if "\\" not in group
        ]
    return found


def refuse_wrong_configuration() -> None:
    """For servers that do not run Django's checks before they start.

    Raises:
        ImproperlyConfigured: Some setting is wrong; every error is named with its hint.
    """
    errors = [message for message in checks.run_checks() if message.is_serious()]
    if errors:
        raise ImproperlyConfigured("\n".join(str(message) for message in errors))
