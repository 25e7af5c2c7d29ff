"""The configured domains, as the values that the packages without Django take.

What is configured is read anew at each call: a password that was changed in its file, or a domain
added to DIRECTORY_CONFIGURATION_FILE, needs no restart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeVar

from django.conf import settings

from directory.dns import DomainResolver
from directory.domain_file import TLS_WAYS, ConfigurationProblem, DomainTable, read_domain_file
from directory.errors import PortalError
from directory.ldap import DirectoryConnectionSettings
from directory.name_forms import is_dns_name

Given = TypeVar("Given")


class WrongConfiguration(PortalError):
    """The configuration has mistakes. What they are is for operators, not for whoever signs in."""

    code = "wrong_configuration"
    status = 500


class UnknownDomain(PortalError):
    """No such domain is configured."""

    code = "unknown_domain"
    status = 404


@dataclass(frozen=True)
class SyncSchedule:
    """When a domain is read.

    Attributes:
        incremental_interval: From the end of one reading of what changed to the next.
        full_interval: From one reading of everything to the next.
        sweep_at: Hour of the day, in UTC, of the nightly search for deletions nobody told of.
    """

    incremental_interval: timedelta = timedelta(seconds=15)
    full_interval: timedelta = timedelta(weeks=1)
    sweep_at: int = 2


@dataclass(frozen=True)
class DomainConfiguration:
    """All that is configured of one domain.

    Attributes:
        connection: How to reach it.
        site: The site whose domain controllers are tried first; empty for any.
        schedule: When it is read.
        connections: How many connections a full reading uses.
    """

    connection: DirectoryConnectionSettings
    site: str = ""
    schedule: SyncSchedule = field(default_factory=SyncSchedule)
    connections: int = 2

    @property
    def dns_name(self) -> str:
        """The domain's DNS name, in lower case."""
        return self.connection.domain


@dataclass(frozen=True)
class Configuration:
    """The domains that could be made out, the default one first, and everything wrong."""

    domains: tuple[DomainConfiguration, ...]
    problems: tuple[ConfigurationProblem, ...]


def configured_domains() -> tuple[DomainConfiguration, ...]:
    """The configured domains: DIRECTORY_DOMAIN, then those of the file in its order.

    Raises:
        WrongConfiguration: Something is wrong in it; ``manage.py check`` names what.
    """
    found = read_configuration()
    if found.problems:
        raise WrongConfiguration(
            "The configuration of the directory has mistakes.",
            remedy="An operator runs python manage.py check, which names each of them.",
        )
    return found.domains


def domain_configuration(dns_name: str | None = None) -> DomainConfiguration:
    """What is configured of one domain.

    Args:
        dns_name: In any case; None for the default domain, the first.

    Raises:
        UnknownDomain: It is not configured.
        WrongConfiguration: See :func:`configured_domains`.
    """
    domains = configured_domains()
    if dns_name is None:
        return domains[0]
    wanted = dns_name.removesuffix(".").lower()
    for configuration in domains:
        if configuration.dns_name == wanted:
            return configuration
    known = ", ".join(configuration.dns_name for configuration in domains)
    raise UnknownDomain(
        f"The domain {dns_name} is not configured.",
        remedy=f"Configured are: {known}.",
        field="domain",
    )


def connection_settings(domain: str | None = None) -> DirectoryConnectionSettings:
    """How to reach a configured domain; see :func:`domain_configuration`."""
    return domain_configuration(domain).connection


def resolver(configuration: DomainConfiguration) -> DomainResolver:
    """Asks a domain's DNS servers."""
    connection = configuration.connection
    return DomainResolver(connection.dns_servers, connection.connect_timeout_seconds)


def read_configuration() -> Configuration:
    """Everything that is configured, with its mistakes; for the checks at the start."""
    problems = list(_problems_of_variables())
    tables: dict[str, DomainTable] = {}
    default = _default_domain()
    if default:
        tables[default] = DomainTable(default)
    if settings.DIRECTORY_CONFIGURATION_FILE:
        described = read_domain_file(Path(settings.DIRECTORY_CONFIGURATION_FILE))
        problems += described.problems
        tables |= {table.name: table for table in described.tables}
    told = {problem.domain for problem in problems}
    for table in tables.values():
        if table.name not in told:  # what could not be read is not missing as well
            problems += _problems_of_account(table)
    return Configuration(tuple(_configure(table) for table in tables.values()), tuple(problems))


def _default_domain() -> str:
    return str(settings.DIRECTORY_DOMAIN).removesuffix(".").lower()


def _problems_of_variables() -> list[ConfigurationProblem]:
    found = []
    default = _default_domain()
    if (not default and not settings.DIRECTORY_CONFIGURATION_FILE) or (
        default and not is_dns_name(default)
    ):
        found.append(
            ConfigurationProblem(
                "E001",
                f"DIRECTORY_DOMAIN is {default}, no DNS name."
                if default
                else "DIRECTORY_DOMAIN is not set.",
                "Set it to the DNS name of the domain, as r2.local, or describe several domains "
                "in DIRECTORY_CONFIGURATION_FILE.",
            )
        )
    if settings.DIRECTORY_TLS not in TLS_WAYS:
        found.append(
            ConfigurationProblem(
                "E002",
                f"DIRECTORY_TLS is {settings.DIRECTORY_TLS}.",
                "Set it to ldaps or starttls; passwords never go unencrypted.",
            )
        )
    return found


def _problems_of_account(table: DomainTable) -> list[ConfigurationProblem]:
    """An account and its secret belong together: neither is combined with another's."""
    own = [table.bind_user, table.bind_password or table.keytab_file]
    where = f"The domain {table.name}"
    if any(own):
        if table.bind_password and table.keytab_file:
            return [_account_problem(f"{where} has both a password and a keytab.")]
        if not all(own):
            return [_account_problem(f"{where} has an account without its secret, or the reverse.")]
        return []
    user, password, keytab = _default_account()
    if password and keytab:
        return [
            ConfigurationProblem(
                "E017",
                "DIRECTORY_BIND_PASSWORD and DIRECTORY_KEYTAB_FILE are both set.",
                "Set one of them.",
            )
        ]
    if not user or not (password or keytab):
        return [_account_problem(f"{where} has no reading account.")]
    if table.name != _default_domain() and "@" not in user and "\\" not in user:
        # Completed with another domain's name it would be another account.
        return [_account_problem(f"DIRECTORY_BIND_USER, {user}, does not tell its domain.")]
    return []


def _account_problem(sentence: str) -> ConfigurationProblem:
    return ConfigurationProblem(
        "E017",
        sentence,
        "Give the domain bind_user with either bind_password_file or keytab_file; or, for all "
        "domains, DIRECTORY_BIND_USER as name@domain with DIRECTORY_BIND_PASSWORD_FILE or "
        "DIRECTORY_KEYTAB_FILE.",
    )


def _default_account() -> tuple[str, str, str]:
    return (
        settings.DIRECTORY_BIND_USER,
        settings.DIRECTORY_BIND_PASSWORD,
        settings.DIRECTORY_KEYTAB_FILE,
    )


def _configure(table: DomainTable) -> DomainConfiguration:
    is_default = table.name == _default_domain()
    user, password, keytab = _default_account()
    if table.bind_user:
        user, password, keytab = table.bind_user, table.bind_password or "", table.keytab_file or ""
    tls: Literal["ldaps", "starttls"] = (
        "starttls" if _given(table.tls, settings.DIRECTORY_TLS) == "starttls" else "ldaps"
    )
    return DomainConfiguration(
        connection=DirectoryConnectionSettings(
            domain=table.name,
            # Controllers and site are one domain's; they are no default for others.
            servers=_given(table.servers, tuple(settings.DIRECTORY_SERVERS) if is_default else ()),
            dns_servers=_given(table.dns_servers, tuple(settings.DIRECTORY_DNS_SERVERS)),
            ca_file=_given(table.ca_file, settings.DIRECTORY_CA_FILE),
            bind_user=user,
            bind_password=password,
            tls=tls,
            connect_timeout_seconds=_given(
                table.connect_timeout_seconds, settings.DIRECTORY_CONNECT_TIMEOUT_SECONDS
            ),
            read_timeout_seconds=_given(
                table.read_timeout_seconds, settings.DIRECTORY_READ_TIMEOUT_SECONDS
            ),
            bind_method="kerberos" if keytab else "simple",
            keytab_file=keytab,
        ),
        site=_given(table.site, settings.DIRECTORY_SITE if is_default else ""),
        schedule=SyncSchedule(
            incremental_interval=timedelta(
                seconds=_given(
                    table.incremental_interval_seconds,
                    settings.DIRECTORY_INCREMENTAL_INTERVAL_SECONDS,
                )
            ),
            full_interval=timedelta(
                seconds=_given(
                    table.full_interval_seconds, settings.DIRECTORY_FULL_INTERVAL_SECONDS
                )
            ),
            sweep_at=_given(table.sweep_hour, settings.DIRECTORY_SWEEP_HOUR),
        ),
        connections=_given(table.connections, settings.DIRECTORY_CONNECTIONS),
    )


def _given(value: Given | None, default: Given) -> Given:
    return default if value is None else value
