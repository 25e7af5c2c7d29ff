"""Changes in the lab's directory, made over LDAPS as an administrator would."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ldap3

from lab import world

TREE_DELETE = ("1.2.840.113556.1.4.805", True, None)
SHOW_DELETED = ("1.2.840.113556.1.4.417", True, None)
GLOBAL_SECURITY = -2147483646
WORKSTATION = 0x1000


class Administrator:
    """Works below one organizational unit of her own, which is gone when she is done."""

    def __init__(self, connection: ldap3.Connection, unit: str) -> None:
        self._connection = connection
        self.unit = unit

    def add(self, name: str, classes: str, values: Mapping[str, Any] | None = None) -> str:
        """Add an object; returns its distinguished name."""
        self._must(self._connection.add(name, classes, dict(values or {})))
        return name

    def add_unit(self, name: str, parent: str = "") -> str:
        return self.add(f"OU={name},{parent or self.unit}", "organizationalUnit")

    def add_container(self, name: str) -> str:
        return self.add(f"CN={name},{self.unit}", "container")

    def add_account(self, name: str, parent: str = "") -> str:
        return self.add(
            f"CN={name},{parent or self.unit}",
            "user",
            {"sAMAccountName": name, "userAccountControl": "514"},
        )

    def add_computer(self, name: str, parent: str = "") -> str:
        return self.add(
            f"CN={name},{parent or self.unit}",
            "computer",
            {
                "sAMAccountName": f"{name}$",
                "userAccountControl": str(WORKSTATION),
                "dNSHostName": f"{name}.{world.DNS_NAME}".lower(),
            },
        )

    def add_group(self, name: str, *members: str, parent: str = "") -> str:
        values: dict[str, Any] = {"sAMAccountName": name, "groupType": str(GLOBAL_SECURITY)}
        if members:
            values["member"] = list(members)
        return self.add(f"CN={name},{parent or self.unit}", "group", values)

    def set(self, name: str, **values: Any) -> None:
        """Replace attributes; an empty list clears one."""
        changes = {
            attribute: [(ldap3.MODIFY_REPLACE, value if isinstance(value, list) else [value])]
            for attribute, value in values.items()
        }
        self._must(self._connection.modify(name, changes))

    def join(self, group: str, member: str) -> None:
        self._must(self._connection.modify(group, {"member": [(ldap3.MODIFY_ADD, [member])]}))

    def leave(self, group: str, member: str) -> None:
        self._must(self._connection.modify(group, {"member": [(ldap3.MODIFY_DELETE, [member])]}))

    def rename(self, name: str, new: str, *, parent: str = "") -> str:
        """Give an object another relative name and, if asked, another place."""
        above = name.partition(",")[2]
        self._must(self._connection.modify_dn(name, new, new_superior=parent or None))
        return f"{new},{parent or above}"

    def delete(self, name: str, *, with_content: bool = False) -> None:
        controls = [TREE_DELETE] if with_content else None
        self._must(self._connection.delete(name, controls=controls))

    def guid(self, name: str) -> uuid.UUID:
        self._must(
            self._connection.search(name, "(objectClass=*)", "BASE", attributes=["objectGUID"])
        )
        raw = self._connection.response[0]["raw_attributes"]["objectGUID"][0]
        return uuid.UUID(bytes_le=raw)

    def restore(self, guid: uuid.UUID, name: str) -> None:
        """Bring a deleted object back ([MS-ADTS] 3.1.1.5.3.7)."""
        relative = name.partition(",")[0]
        deleted = rf"{relative}\0ADEL:{guid},CN=Deleted Objects,{world.BASE_DN}"
        self._must(
            self._connection.modify(
                deleted,
                {
                    "isDeleted": [(ldap3.MODIFY_DELETE, [])],
                    "distinguishedName": [(ldap3.MODIFY_REPLACE, [name])],
                },
                controls=[SHOW_DELETED],
            )
        )

    def _must(self, done: object) -> None:
        assert done, self._connection.result


@contextmanager
def administrator(ca_file: str, domain: world.Domain = world.R2) -> Iterator[Administrator]:
    """An administrator of one of the lab's domains."""
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=ca_file)
    tls.valid_names = [f"{domain.controller.name}.{domain.dns_name}"]
    address = domain.controller.address
    server = ldap3.Server(address, use_ssl=True, tls=tls, get_info=ldap3.NONE)
    connection = ldap3.Connection(
        server,
        f"Administrator@{domain.dns_name}",
        world.ADMINISTRATOR_PASSWORD,
        auto_bind=True,
        check_names=False,
    )
    unit = f"OU=Following {uuid.uuid4().hex[:8]},{domain.base_dn}"
    admin = Administrator(connection, unit)
    admin.add(unit, "organizationalUnit")
    try:
        yield admin
    finally:
        connection.delete(admin.unit, controls=[TREE_DELETE])
        connection.unbind()
