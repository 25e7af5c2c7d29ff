"""Names and addresses, asked of the domain's own DNS servers and of nobody else.

The machine's resolver is never used: it may answer for a name of the domain from elsewhere, and
would tell others what experts look for.
"""

from __future__ import annotations

from collections.abc import Sequence
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

    def domain_controllers_of(self, domain: str) -> tuple[str, ...]:
        """The names that the domain's SRV records list, best first ([MS-ADTS] 6.3.2.3)."""
        if not is_dns_name(domain):
            raise InvalidName(f"{domain!r} is not a DNS name.", field="domain")
        question = dns.name.from_text(f"_ldap._tcp.dc._msdcs.{domain}")
        records = [record.split() for record in self._ask(question, dns.rdatatype.SRV)]
        ordered = sorted(records, key=lambda fields: (int(fields[0]), -int(fields[1])))
        return tuple(fields[3].removesuffix(".").lower() for fields in ordered)

    def _ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Sequence[str]:
        if not self.servers:
            raise NameServiceUnavailable(
                "No DNS server of the domain is configured.",
                remedy="Set DIRECTORY_DNS_SERVERS to the addresses of the domain's DNS servers.",
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
                remedy="Try again; if it stays, check DIRECTORY_DNS_SERVERS.",
            ) from error
        except (dns.exception.DNSException, OSError) as error:
            raise NameServiceUnavailable(
                f"The domain's DNS servers cannot be asked ({type(error).__name__}).",
                remedy="Check DIRECTORY_DNS_SERVERS.",
            ) from error
        return [record.to_text() for record in answer] if answer.rrset is not None else []
