"""Files that tell the portal and Kerberos where the lab is."""

from __future__ import annotations

import json
from pathlib import Path

from lab import world
from lab.paths import LabPaths


def _password(paths: LabPaths, domain: world.Domain) -> Path:
    return paths.of_domain(domain).passwords / world.DIRECTORY_ACCOUNT


def _kerberos() -> str:
    realms = "".join(
        f"    {domain.realm} = {{\n        kdc = {domain.controller.address}\n    }}\n"
        for domain in world.DOMAINS
    )
    names = "".join(
        f"    .{domain.dns_name} = {domain.realm}\n    {domain.dns_name} = {domain.realm}\n"
        for domain in world.DOMAINS
    )
    return f"""[libdefaults]
    default_realm = {world.REALM}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
    dns_canonicalize_hostname = false
    forwardable = true

[realms]
{realms}
[domain_realm]
{names}"""


def _domain(paths: LabPaths, domain: world.Domain) -> str:
    """A domain's table of ``directory.toml``; JSON's strings are TOML's as well."""
    values = {
        "servers": [domain.controller_host],
        "dns_servers": [domain.controller.address],
        "ca_file": str(paths.of_domain(domain).authority_certificate),
        "bind_user": f"{world.DIRECTORY_ACCOUNT}@{domain.dns_name}",
        "bind_password_file": str(_password(paths, domain)),
        "tls": "ldaps",
        "site": world.DEFAULT_SITE,
    }
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in values.items()]
    return f'[domains."{domain.dns_name}"]\n' + "".join(lines)


def write(paths: LabPaths) -> None:
    """Writes ``krb5.conf``, the reading accounts' passwords, ``directory.toml`` and ``lab.env``."""
    for domain in world.DOMAINS:
        password = _password(paths, domain)
        password.touch(mode=0o600)
        password.write_text(domain.directory_account_password)
    paths.kerberos_settings.write_text(_kerberos())
    paths.domains.write_text("\n".join(_domain(paths, domain) for domain in world.DOMAINS))
    settings = {
        "DIRECTORY_DOMAIN": world.DNS_NAME,
        "DIRECTORY_CONFIGURATION_FILE": str(paths.domains),
        "DIRECTORY_SERVERS": world.R2.controller_host,
        "DIRECTORY_DNS_SERVERS": world.CONTROLLER_ADDRESS,
        "DIRECTORY_CA_FILE": str(paths.of_domain(world.R2).authority_certificate),
        "DIRECTORY_BIND_USER": f"{world.DIRECTORY_ACCOUNT}@{world.DNS_NAME}",
        "DIRECTORY_BIND_PASSWORD_FILE": str(_password(paths, world.R2)),
        "SERVICE_PRINCIPAL": f"{world.PORTAL_ACCOUNT}@{world.REALM}",
        "SERVICE_KEYTAB_FILE": str(paths.keytabs / f"{world.PORTAL_ACCOUNT}.keytab"),
        "KRB5_CONFIG": str(paths.kerberos_settings),
        "NOVICE_SUBNETS": f"{world.COMPUTER_NETWORK}0/24",
    } | {
        f"ROLE_{role.upper()}_GROUPS": rf"{world.NETBIOS_NAME}\Remote Assistance {role}s"
        for role in ("Expert", "Manager", "Auditor", "Operator")
    }
    paths.portal_settings.write_text(
        "".join(f"{name}={value}\n" for name, value in settings.items())
    )
