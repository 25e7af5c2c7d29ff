"""Which domain controllers there are, where, and which to try first.

A controller that failed is tried last for a while. All processes share what they know of that
through Django's cache; it is a hint that may be lost, so a cache that is away stops nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import TypedDict, TypeVar

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

from directory.configuration import DomainConfiguration
from directory.dns import DomainResolver
from directory.errors import PortalError
from directory.ldap import DirectoryConnectionSettings
from directory.ldap.connection import ServerAddress
from directory.ldap.errors import CertificateRefused, DirectoryUnavailable

log = structlog.get_logger(__name__)

FIRST_BACK_OFF_SECONDS = 30
LONGEST_BACK_OFF_SECONDS = 600
# How long after its back-off a failure still counts as one in a row.
MEMORY_SECONDS = 3600
# Each name costs two DNS look-ups; nobody waits for more controllers than these.
MOST_CONTROLLERS = 8

Answer = TypeVar("Answer")


class Failures(TypedDict):
    """What is kept of a controller that failed: how often in a row, and until when it is last."""

    count: int
    until: float


def controller_addresses(
    configuration: DomainConfiguration | DirectoryConnectionSettings, *, prefer: str = ""
) -> tuple[ServerAddress, ...]:
    """The domain controllers to try, in order, with the addresses the domain's DNS gives them.

    Those named in the configuration, in its order; or else those that DNS lists, the site's first.
    Those that failed lately come last, the one whose time is up soonest before the others.

    Args:
        configuration: Of the domain; connection settings alone know no site.
        prefer: DNS name of the one to try first, unless it failed: whom the last run used.

    Raises:
        DirectoryUnavailable: None has an address.
        NameServiceUnavailable: No DNS server of the domain answered.
    """
    domain, site = _parts(configuration)
    resolver = DomainResolver(domain.dns_servers, domain.connect_timeout_seconds)
    names = domain.servers or resolver.domain_controllers_of(domain.domain, site)
    found: list[ServerAddress] = []
    for name in _in_order_of_trial(domain.domain, names, prefer):
        found += [ServerAddress(name, str(address)) for address in resolver.addresses_of(name)]
        if len(found) >= MOST_CONTROLLERS:
            break
    if not found:
        raise DirectoryUnavailable(
            f"The domain's DNS servers know no domain controller of {domain.domain}.",
            remedy="Check the servers and DNS servers that are configured for it.",
        )
    return tuple(found)


def first_answer(
    configuration: DomainConfiguration,
    ask: Callable[[ServerAddress], Answer],
    *,
    prefer: str = "",
) -> Answer:
    """What the first domain controller that is available answers.

    Args:
        configuration: Of the domain.
        ask: Asks one controller. DirectoryUnavailable is its word for "try the next"; any other
            PortalError is the controller's answer, and raised.
        prefer: As for :func:`controller_addresses`.

    Raises:
        CertificateRefused: None is available, and one showed a certificate not to be trusted.
        DirectoryUnavailable: None is available.
        NameServiceUnavailable: No DNS server of the domain answered.
    """
    refusals: list[DirectoryUnavailable] = []
    for address in controller_addresses(configuration, prefer=prefer):
        try:
            answer = ask(address)
        except DirectoryUnavailable as error:
            report_failure(configuration, address)
            refusals.append(error)
            continue
        except PortalError:
            report_success(configuration, address)
            raise
        report_success(configuration, address)
        return answer
    # A certificate that is refused tells more than a controller that is switched off.
    raise min(refusals, key=lambda refusal: not isinstance(refusal, CertificateRefused))


def report_failure(
    configuration: DomainConfiguration | DirectoryConnectionSettings, address: ServerAddress
) -> None:
    """A controller did not do its work: it is tried last for 30 s, and twice as long each time.

    What fails before that time is up is the same failure, seen by another process or by a last
    resort, and does not add to it.
    """
    domain, _ = _parts(configuration)
    now = time.time()
    known = _failures(domain.domain, [address.dns_name]).get(address.dns_name)
    if known is not None and known["until"] > now:
        return
    count = known["count"] + 1 if known else 1
    seconds = min(LONGEST_BACK_OFF_SECONDS, FIRST_BACK_OFF_SECONDS * 2 ** (count - 1))
    failures = Failures(count=count, until=now + seconds)
    try:
        cache.set(_key(domain.domain, address.dns_name), failures, seconds + MEMORY_SECONDS)
    except (RedisError, OSError) as error:
        log.debug("controller_memory_unavailable", reason=str(error))
    log.warning(
        "controller_failed", domain=domain.domain, controller=address.dns_name, seconds=seconds
    )


def report_success(
    configuration: DomainConfiguration | DirectoryConnectionSettings, address: ServerAddress
) -> None:
    """A controller did its work: what it failed before is forgotten."""
    domain, _ = _parts(configuration)
    try:
        cache.delete(_key(domain.domain, address.dns_name))
    except (RedisError, OSError) as error:
        log.debug("controller_memory_unavailable", reason=str(error))


def _in_order_of_trial(domain: str, names: Iterable[str], prefer: str) -> list[str]:
    wanted = list(names)
    now = time.time()
    last = {
        name: failures["until"]
        for name, failures in _failures(domain, wanted).items()
        if failures["until"] > now
    }
    return sorted(wanted, key=lambda name: (last.get(name, 0), name.lower() != prefer.lower()))


def _failures(domain: str, names: Iterable[str]) -> dict[str, Failures]:
    keys = {_key(domain, name): name for name in names}
    try:
        found: dict[str, Failures] = cache.get_many(keys)
    except (RedisError, OSError) as error:
        log.debug("controller_memory_unavailable", reason=str(error))
        return {}
    return {keys[key]: failures for key, failures in found.items()}


def _key(domain: str, name: str) -> str:
    # Two DNS names are longer than a key may be.
    return "controller-" + sha256(f"{domain}/{name}".lower().encode()).hexdigest()


def _parts(
    configuration: DomainConfiguration | DirectoryConnectionSettings,
) -> tuple[DirectoryConnectionSettings, str]:
    if isinstance(configuration, DomainConfiguration):
        return configuration.connection, configuration.site
    return configuration, ""
