"""Files that tell the portal and Kerberos where the lab is."""

from __future__ import annotations

from lab import world
from lab.paths import LabPaths


def write(paths: LabPaths) -> None:
    """Writes ``krb5.conf``, the password of the reading account and ``lab.env``."""
    paths.kerberos_settings.write_text(
        f"""[libdefaults]
    default_realm = {world.REALM}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
    dns_canonicalize_hostname = false
    forwardable = true

[realms]
    {world.REALM} = {{
        kdc = {world.CONTROLLER_ADDRESS}
    }}

[domain_realm]
    .{world.DNS_NAME} = {world.REALM}
    {world.DNS_NAME} = {world.REALM}
"""
    )
    password = paths.passwords / world.DIRECTORY_ACCOUNT
    password.touch(mode=0o600)
    password.write_text(world.DIRECTORY_ACCOUNT_PASSWORD)
    settings = {
        "DIRECTORY_DOMAIN": world.DNS_NAME,
        "DIRECTORY_SERVERS": f"{world.CONTROLLER_NAME}.{world.DNS_NAME}",
        "DIRECTORY_DNS_SERVERS": world.CONTROLLER_ADDRESS,
        "DIRECTORY_CA_FILE": str(paths.authority_certificate),
        "DIRECTORY_BIND_USER": f"{world.DIRECTORY_ACCOUNT}@{world.DNS_NAME}",
        "DIRECTORY_BIND_PASSWORD_FILE": str(password),
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
