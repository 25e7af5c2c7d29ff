"""Wrong configuration stops the start, with a hint."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.core.exceptions import ImproperlyConfigured

from directory.configuration import read_configuration


@register(Tags.security)
def directory(**_: Any) -> list[CheckMessage]:
    """Without a domain nobody signs in; with a wrong one nobody knows where a password goes."""
    configuration = read_configuration()
    found: list[CheckMessage] = [
        Error(problem.sentence, hint=problem.remedy, id=f"portal.{problem.number}")
        for problem in configuration.problems
    ]
    found += [
        Info(
            f"The domain {domain.dns_name} has no DNS servers.",
            hint="Name them in DIRECTORY_DNS_SERVERS, or in dns_servers of the domain: offers "
            "look up computers there and nowhere else.",
            id="portal.I003",
        )
        for domain in configuration.domains
        if not domain.connection.dns_servers
    ]
    return found


@register(Tags.security)
def certificate_authority(**_: Any) -> list[CheckMessage]:
    """The domain controllers' certificates are checked against these files."""
    found: list[CheckMessage] = []
    for domain in read_configuration().domains:
        found += _wrong_authority(domain.dns_name, domain.connection.ca_file)
    return found


def _wrong_authority(domain: str, path: str) -> list[CheckMessage]:
    hint = (
        "Let DIRECTORY_CA_FILE, or ca_file of the domain, name the PEM file with the authority "
        "that issued its domain controllers' certificates."
    )
    if not path:
        message = f"The domain {domain} has no certificate authority."
        return [Error(message, hint=hint, id="portal.E003")]
    if not Path(path).is_file():
        return [
            checks.Warning(
                f"The certificate authority of {domain} is not a file here: {path}. Nobody of it "
                "can sign in.",
                hint=hint,
                id="portal.W001",
            )
        ]
    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError):
        message = f"{path}, of the domain {domain}, holds no certificate that can be read."
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
        elif not groups and role != "approver":  # managers approve as well
            found.append(
                Info(f"{variable} is not set: nobody is {role}.", hint=hint, id="portal.I001")
            )
        found += [
            Error(f"{variable} names {group} without its domain.", hint=hint, id="portal.E005")
            for group in groups
            if "\\" not in group
        ]
    return found


@register(Tags.security)
def single_sign_on(**_: Any) -> list[CheckMessage]:
    """Tickets are shown over TLS alone: whoever reads along could show them elsewhere."""
    path = settings.SINGLE_SIGN_ON_KEYTAB_FILE
    if not path:
        return []
    found: list[CheckMessage] = []
    if not settings.HTTPS and not settings.DEBUG:
        found.append(
            Error(
                "Sign-in with Windows is set, but PORTAL_URL is not https.",
                hint="Serve the portal over TLS, or leave SINGLE_SIGN_ON_KEYTAB_FILE empty.",
                id="portal.E020",
            )
        )
    if not Path(path).is_file():
        found.append(
            Error(
                f"SINGLE_SIGN_ON_KEYTAB_FILE is not a file here: {path}.",
                hint="Export the keys of the web account to it. Workers need none of it: leave it "
                "empty there.",
                id="portal.E021",
            )
        )
    return found


def refuse_wrong_configuration() -> None:
    """For servers that do not run Django's checks before they start.

    Raises:
        ImproperlyConfigured: Some setting is wrong; every error is named with its hint.
    """
    errors = [message for message in checks.run_checks() if message.is_serious()]
    if errors:
        raise ImproperlyConfigured("\n".join(str(message) for message in errors))
