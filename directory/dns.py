"""Names and addresses, asked of the domain's own DNS servers and of nobody else.

The machine's resolver is never used: it may answer for a name of the domain from elsewhere, and
would tell others what experts look for.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename

from directory.errors import PortalError
from directory.name_forms import InvalidName, IPAddress, is_dns_name


class NameServiceUnavailable(PortalError):
    """None of the domain's DNS servers answered."""

    code = "name_service_unavailable"
    status = 503


@dataclass(frozen=True)
class ServiceRecord:
    """An SRV record (RFC 2782): the lowest priority is used first, weights share out the rest."""

    priority: int
    weight: int
    port: int
    target: str

    @classmethod
    def parse(cls, text: str) -> ServiceRecord:
        """From its text form, ``0 100 389 dc1.r2.local.``."""
        priority, weight, port, target = text.split()
        return cls(int(priority), int(weight), int(port), target.removesuffix(".").lower())


def in_order_of_use(
    records: Iterable[ServiceRecord], chance: random.Random
) -> tuple[ServiceRecord, ...]:
    """Records in the order to try them: by priority, and by weighted chance within one.

    Args:
        records: In any order.
        chance: Where the numbers come from.
    """
    # RFC 2782 puts those of weight 0 first, so that they are chosen, but hardly ever.
    left = sorted(records, key=lambda record: (record.priority, record.weight))
    ordered: list[ServiceRecord] = []
    while left:
        candidates = [record for record in left if record.priority == left[0].priority]
        number = chance.randint(0, sum(record.weight for record in candidates))
        for chosen in candidates:
            number -= chosen.weight
            if number <= 0:
                break
        ordered.append(chosen)
        left.remove(chosen)
    return tuple(ordered)


def _once(*names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


@dataclass(frozen=True)
class DomainResolver:
    """Asks the given DNS servers, in order, over UDP and TCP port 53.

    Attributes:
        servers: Their addresses.
        timeout_seconds: For one question, all servers together.
    """

    servers: tuple[str, ...]
    timeout_seconds: float = 5.0

    def addresses_of(self, name: str) -> tuple[IPAddress, ...]:
        """The IPv4 and IPv6 addresses of a name; empty when it has none.

        Raises:
            InvalidName: It is no DNS name. Nothing is sent.
            NameServiceUnavailable: No server answered.
        """
        if not is_dns_name(name):
            raise InvalidName(f"{name!r} is not a DNS name.", field="name")
        found: list[IPAddress] = []
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            found.extend(ip_address(text) for text in self._ask(dns.name.from_text(name), kind))
        return tuple(found)

    def names_of(self, address: IPAddress) -> tuple[str, ...]:
        """The names a reverse look-up gives, in lower case; those that are no DNS names left out.

        Raises:
            NameServiceUnavailable: No server answered.
        """
        records = self._ask(dns.reversename.from_address(str(address)), dns.rdatatype.PTR)
        names = (record.removesuffix(".").lower() for record in records)
        return tuple(name for name in names if is_dns_name(name))

    def domain_controllers_of(self, domain: str, site: str = "") -> tuple[str, ...]:
        """The names of a domain's controllers, best first ([MS-ADTS] 6.3.2.3).

        Args:
            domain: The domain's DNS name.
            site: The controllers that serve it come first; empty for no preference.

        Raises:
            InvalidName: The domain or site cannot stand in a DNS name. Nothing is sent.
            NameServiceUnavailable: No server answered.
        """
        near = self._services(f"_ldap._tcp.{site}._sites.dc._msdcs.{domain}") if site else ()
        return _once(near, self._services(f"_ldap._tcp.dc._msdcs.{domain}"))

    def global_catalogs_of(self, forest: str, site: str = "") -> tuple[str, ...]:
        """The names of a forest's global catalogs, best first ([MS-ADTS] 6.3.2.3).

        Args:
            forest: The DNS name of the forest's root domain.
            site: As for :meth:`domain_controllers_of`.

        Raises:
            InvalidName, NameServiceUnavailable: As for :meth:`domain_controllers_of`.
        """
        near = self._services(f"_gc._tcp.{site}._sites.{forest}") if site else ()
        return _once(near, self._services(f"_gc._tcp.{forest}"))

    def _services(self, name: str) -> tuple[str, ...]:
        if not is_dns_name(name):
            raise InvalidName(f"{name!r} is not a DNS name.", field="domain")
        answers = self._ask(dns.name.from_text(name), dns.rdatatype.SRV)
        records = [ServiceRecord.parse(text) for text in answers]
        # A lone "." says that there is no such service (RFC 2782), and an odd name leads nowhere.
        usable = [record for record in records if is_dns_name(record.target)]
        return tuple(record.target for record in in_order_of_use(usable, random.SystemRandom()))

    def _ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Sequence[str]:
        if not self.servers:
            raise NameServiceUnavailable(
                "No DNS server of the domain is configured.",
                remedy="Set DIRECTORY_DNS_SERVERS, or dns_servers of the domain, to the addresses "
                "of the domain's DNS servers.",
            )
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = list(self.servers)
        resolver.timeout = min(2.0, self.timeout_seconds)
        resolver.lifetime = self.timeout_seconds
        try:
            answer = resolver.resolve(name, kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return ()
        except (dns.resolver.NoNameservers, dns.exception.Timeout) as error:
            raise NameServiceUnavailable(
                "The domain's DNS servers do not answer.",
                remedy="Try again; if it stays, check DIRECTORY_DNS_SERVERS or the domain's "
                "dns_servers.",
            ) from error
        except (dns.exception.DNSException, OSError) as error:
            raise NameServiceUnavailable(
                f"The domain's DNS servers cannot be asked ({type(error).__name__}).",
                remedy="Check DIRECTORY_DNS_SERVERS or the domain's dns_servers.",
            ) from error
        return [record.to_text() for record in answer] if answer.rrset is not None else []
