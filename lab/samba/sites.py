"""Writes a domain's sites and subnets into the configuration that its forest shares."""

from __future__ import annotations

import ldb
from samba import sites, subnets
from samba.samdb import SamDB

from lab import world


def add_sites(samdb: SamDB, domain: world.Domain) -> None:
    """Adds every site of the domain but the one that is there from the start, and all subnets."""
    configuration = samdb.get_config_basedn()
    for site in domain.sites:
        if site.name != world.DEFAULT_SITE:
            sites.create_site(samdb, configuration, site.name)
            _connect(samdb, domain, site)
        for subnet in site.subnets:
            subnets.create_subnet(samdb, configuration, subnet, site.name)


def _connect(samdb: SamDB, domain: world.Domain, site: world.Site) -> None:
    """Puts a site onto the line that joins all of them."""
    line = ldb.Dn(
        samdb,
        f"CN=DEFAULTIPSITELINK,CN=IP,CN=Inter-Site Transports,CN=Sites,CN=Configuration,"
        f"{domain.base_dn}",
    )
    change = ldb.Message(line)
    change["siteList"] = ldb.MessageElement(domain.site_dn(site.name), ldb.FLAG_MOD_ADD, "siteList")
    samdb.modify(change)
