"""What a domain controller says of itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from directory.ldap.connection import LdapConnection
from directory.ldap.errors import DirectoryUnavailable
from directory.ldap.search import read_one
from directory.ldap.values import parse_guid

ROOT_ATTRIBUTES = (
    "defaultNamingContext",
    "configurationNamingContext",
    "rootDomainNamingContext",
    "namingContexts",
    "dnsHostName",
    "dsServiceName",
    "highestCommittedUSN",
    "domainFunctionality",
    "forestFunctionality",
)


@dataclass(frozen=True)
class DirectoryRoot:
    """The rootDSE ([MS-ADTS] 3.1.1.3.2) with the identity of the controller's database.

    Attributes:
        invocation_id: Changes when the database is restored from a backup ([MS-ADTS] 3.1.1.1.9).
        highest_committed_usn: The last update sequence number that the controller has used.
        domain_functionality: Level of the domain ([MS-ADTS] 6.1.4.4), 7 for Windows Server 2016.
        forest_functionality: Level of the forest.
    """

    default_naming_context: str
    configuration_naming_context: str
    root_domain_naming_context: str
    naming_contexts: tuple[str, ...]
    dns_host_name: str
    invocation_id: uuid.UUID
    highest_committed_usn: int
    domain_functionality: int
    forest_functionality: int


def read_root(connection: LdapConnection) -> DirectoryRoot:
    """Ask a controller what it is.

    Raises:
        DirectoryUnavailable: It does not answer, or does not let its invocationId be read.
    """
    root = read_one(connection, "", ROOT_ATTRIBUTES)
    service = read_one(connection, root.text("dsServiceName"), ("invocationId",))
    identity = service.first("invocationId")
    if identity is None:
        raise DirectoryUnavailable(
            f"{root.text('dnsHostName')} does not tell the identity of its database.",
            remedy="Let the reading account read the configuration naming context.",
        )
    return DirectoryRoot(
        default_naming_context=root.text("defaultNamingContext"),
        configuration_naming_context=root.text("configurationNamingContext"),
        root_domain_naming_context=root.text("rootDomainNamingContext"),
        naming_contexts=tuple(root.texts("namingContexts")),
        dns_host_name=root.text("dnsHostName"),
        invocation_id=parse_guid(identity),
        highest_committed_usn=root.integer("highestCommittedUSN"),
        domain_functionality=root.integer("domainFunctionality"),
        forest_functionality=root.integer("forestFunctionality"),
    )
