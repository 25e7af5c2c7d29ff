"""Random changes of computers, accounts and groups. Each function makes one and names it."""

from __future__ import annotations

from collections.abc import Callable

import ldb
from samba.dcerpc import security
from samba.ndr import ndr_pack

from lab import world
from lab.population import (
    ACCOUNT_DISABLED,
    DAY,
    DOMAIN_LOCAL,
    GLOBAL,
    NEVER,
    NEWEST_LOGON_AT,
    NORMAL_ACCOUNT,
    SECURITY,
    UNIT_DN,
    UNIVERSAL,
    WORKSTATION_TRUST,
)
from lab.samba.changes_state import SHOW_DELETED, Item, State

SYSTEMS = (
    ("Windows 11 Enterprise", "10.0 (26100)"),
    ("Windows 10 Enterprise", "10.0 (19045)"),
    ("Windows Server 2025 Standard", "10.0 (26100)"),
    ("macOS", "15.1"),
)
NOT_DELEGATED = 0x100000
TRUSTED_FOR_DELEGATION = 0x80000
COMPUTERS_GROUP, USERS_GROUP = 515, 513  # primary groups by default, [MS-ADTS] 6.1.1.6
FOREIGN_DOMAIN = "S-1-5-21-3107301941-2417283012-190286345"
# Scopes that a group may change to from its own, [MS-ADTS] 3.1.1.5.3.2
OTHER_SCOPES = {GLOBAL: (UNIVERSAL,), DOMAIN_LOCAL: (UNIVERSAL,), UNIVERSAL: (GLOBAL, DOMAIN_LOCAL)}


# Coming, going, and coming back


def create_computer(state: State) -> str:
    name = state.new_name()
    dn = state.child(state.dn(state.some_unit()), "CN", name)
    _add_computer(state, dn, name)
    return name


def _add_computer(state: State, dn: ldb.Dn, name: str) -> Item:
    system, version = state.chance.choice(SYSTEMS)
    dns_name = f"{name}.{world.DNS_NAME}"
    return state.add(
        state.computers,
        dn,
        {
            "objectClass": "computer",
            "sAMAccountName": f"{name}$",
            "userAccountControl": str(WORKSTATION_TRUST),
            "dNSHostName": dns_name,
            "operatingSystem": system,
            "operatingSystemVersion": version,
            "servicePrincipalName": [f"TERMSRV/{name}", f"TERMSRV/{dns_name}"],
        },
        label=f"{name}$",
    )


def create_account(state: State) -> str:
    name = state.new_name()
    dn = state.child(state.dn(state.some_unit()), "CN", state.new_relative_name(name))
    _add_account(state, dn, name)
    return name


def _add_account(state: State, dn: ldb.Dn, name: str) -> Item:
    return state.add(
        state.accounts,
        dn,
        {
            "objectClass": "user",
            "sAMAccountName": name,
            "userPrincipalName": f"{name}@{world.DNS_NAME}",
            "userAccountControl": str(NORMAL_ACCOUNT),
            "displayName": state.some_text(),
            "title": state.some_text(),
        },
        label=name,
    )


def create_group(state: State) -> str:
    name = state.new_name()
    dn = state.child(state.dn(state.some_unit()), "CN", state.new_relative_name(name))
    _add_group(state, dn, name)
    return name


def _add_group(state: State, dn: ldb.Dn, name: str) -> Item:
    scope = state.chance.choice([GLOBAL, UNIVERSAL, DOMAIN_LOCAL])
    members = {state.some_member() for _ in range(state.chance.randrange(4))}
    references = [item.reference for item in sorted(members, key=lambda item: item.label)]
    return state.add(
        state.groups,
        dn,
        {
            "objectClass": "group",
            "sAMAccountName": name,
            "groupType": str(scope | SECURITY),
            **({"member": references} if references else {}),
        },
        label=name,
    )


def delete_computer(state: State) -> str:
    return _delete(state, state.chance.choice(state.computers))


def delete_account(state: State) -> str:
    return _delete(state, state.chance.choice(state.accounts))


def delete_group(state: State) -> str:
    return _delete(state, free_group(state))


def _delete(state: State, item: Item) -> str:
    state.delete(item)
    return item.label


def free_group(state: State) -> Item:
    """A group that is nobody's primary one: those can neither be deleted nor made distribution."""
    while True:
        group = state.chance.choice(state.groups)
        if not is_primary(state, group):
            return group


def is_primary(state: State, group: Item) -> bool:
    """Whether somebody's primaryGroupID is this group's."""
    identifier = state.sid(group).split()[1]
    return bool(
        state.samdb.search(
            world.BASE_DN, expression=f"(primaryGroupID={identifier})", attrs=["1.1"]
        )
    )


def create_computer_again(state: State) -> str:
    """Its name is used again by another object: another objectGUID, another objectSid."""
    item = state.chance.choice(state.computers)
    dn = state.dn(item)
    _delete(state, item)
    _add_computer(state, dn, item.label.removesuffix("$"))
    return item.label


def create_account_again(state: State) -> str:
    item = state.chance.choice(state.accounts)
    dn = state.dn(item)
    _delete(state, item)
    _add_account(state, dn, item.label)
    return item.label


def restore_computer(state: State) -> str:
    return _restore(state, "computer", state.computers, delete_computer)


def restore_account(state: State) -> str:
    return _restore(state, "person", state.accounts, delete_account)


def restore_group(state: State) -> str:
    return _restore(state, "group", state.groups, delete_group)


def _restore(state: State, category: str, items: list[Item], delete: Callable[[State], str]) -> str:
    """Brings back a deleted object ([MS-ADTS] 3.1.1.5.3.7); it keeps its GUID and SID."""
    if not (candidates := _deleted(state, category)):
        delete(state)
        candidates = _deleted(state, category)
    message = state.chance.choice(candidates)
    name = str(message["sAMAccountName"][0])
    place = state.child(state.dn(state.some_unit()), "CN", name)
    change = ldb.Message(message.dn)
    change["isDeleted"] = ldb.MessageElement([], ldb.FLAG_MOD_DELETE, "isDeleted")
    change["distinguishedName"] = ldb.MessageElement(
        [str(place)], ldb.FLAG_MOD_REPLACE, "distinguishedName"
    )
    state.samdb.modify(change, [SHOW_DELETED])
    state.take(items, place, name)
    return name


def _deleted(state: State, category: str) -> list[ldb.Message]:
    """Deleted objects from below OU=Bulk whose name is nobody's now, in a fixed order."""
    found = state.samdb.search(
        f"CN=Deleted Objects,{world.BASE_DN}",
        scope=ldb.SCOPE_ONELEVEL,
        expression=f"(&(isDeleted=TRUE)(sAMAccountName=*)(objectClass={category}))",
        attrs=["sAMAccountName", "lastKnownParent", "objectClass", "uSNChanged"],
        controls=[SHOW_DELETED],
    )
    taken = {item.label.lower() for items in state.lists for item in items}
    free = [
        message
        for message in found
        if str(message["lastKnownParent"][0]).endswith(UNIT_DN)
        and str(message["sAMAccountName"][0]).lower() not in taken
        and (category != "person" or b"computer" not in list(map(bytes, message["objectClass"])))
    ]
    return sorted(
        free,
        key=lambda message: (str(message["sAMAccountName"][0]), int(str(message["uSNChanged"]))),
    )


# Other names and places


def rename_computer(state: State) -> str:
    """As Windows does it: relative name, account name, DNS name and services together."""
    item = state.chance.choice(state.computers)
    name = state.new_name()
    state.rename(item, state.child(state.dn(item).parent(), "CN", name))
    dns_name = f"{name}.{world.DNS_NAME}"
    state.change(
        item,
        sAMAccountName=f"{name}$",
        dNSHostName=dns_name,
        servicePrincipalName=[f"TERMSRV/{name}", f"TERMSRV/{dns_name}"],
    )
    before, item.label = item.label, f"{name}$"
    return f"{before} to {name}"


def rename_account(state: State) -> str:
    return _rename(state, state.chance.choice(state.accounts), is_renamed_for_signing_in=True)


def rename_group(state: State) -> str:
    return _rename(state, state.chance.choice(state.groups), is_renamed_for_signing_in=False)


def _rename(state: State, item: Item, *, is_renamed_for_signing_in: bool) -> str:
    name = state.new_name()
    relative = state.new_relative_name(name)
    state.rename(item, state.child(state.dn(item).parent(), "CN", relative))
    before = item.label
    if is_renamed_for_signing_in:
        state.change(item, sAMAccountName=name, userPrincipalName=f"{name}@{world.DNS_NAME}")
        item.label = name
    return f"{before} to {relative}"


def move_computer(state: State) -> str:
    return _move(state, state.chance.choice(state.computers))


def move_account(state: State) -> str:
    return _move(state, state.chance.choice(state.accounts))


def move_group(state: State) -> str:
    return _move(state, state.chance.choice(state.groups))


def _move(state: State, item: Item) -> str:
    unit = state.some_unit()
    dn = state.dn(item)
    state.rename(item, state.child(state.dn(unit), "CN", dn.get_rdn_value()))
    return f"{item.label} to {unit.label}"


# Attributes


def _switch(state: State, item: Item, flag: int) -> str:
    flags = state.number(item, "userAccountControl") ^ flag
    state.change(item, userAccountControl=str(flags))
    return f"{item.label} {flags:#x}"


def switch_computer(state: State) -> str:
    """Disabled if it was enabled, and the reverse."""
    return _switch(state, state.chance.choice(state.computers), ACCOUNT_DISABLED)


def switch_account(state: State) -> str:
    return _switch(state, state.chance.choice(state.accounts), ACCOUNT_DISABLED)


def switch_computer_delegation(state: State) -> str:
    return _switch(state, state.chance.choice(state.computers), TRUSTED_FOR_DELEGATION)


def switch_account_not_delegated(state: State) -> str:
    return _switch(state, state.chance.choice(state.accounts), NOT_DELEGATED)


def change_computer(state: State) -> str:
    item = state.chance.choice(state.computers)
    system, version = state.chance.choice(SYSTEMS)
    logon = str(NEWEST_LOGON_AT + state.chance.randrange(100 * DAY))
    values = {
        "operatingSystem": system,
        "operatingSystemVersion": version,
        "description": state.some_text(),
        "location": state.some_text(),
        "lastLogonTimestamp": logon,
        "msDS_SupportedEncryptionTypes": state.chance.choice(["24", "28", "31"]),
        "msDS_AllowedToDelegateTo": [f"cifs/{state.some_member().label}", "host/elsewhere"],
    }
    return _change_some(state, item, values)


def change_account(state: State) -> str:
    item = state.chance.choice(state.accounts)
    name = f"{item.label}.{state.chance.randrange(1000)}"
    values = {
        "displayName": state.some_text(),
        "mail": f"{name}@{world.DNS_NAME}",
        "userPrincipalName": f"{name}@{world.DNS_NAME}",
        "department": state.some_text(),
        "title": state.some_text(),
        "description": state.some_text(),
        "telephoneNumber": "not followed by everybody",
    }
    return _change_some(state, item, values)


def change_group(state: State) -> str:
    item = state.chance.choice(state.groups)
    return _change_some(state, item, {"description": state.some_text(), "info": state.some_text()})


def _change_some(state: State, item: Item, values: dict[str, str | list[str]]) -> str:
    chosen = state.chance.sample(sorted(values), state.chance.randint(1, len(values)))
    state.change(item, **{name: values[name] for name in chosen})
    return f"{item.label} {' '.join(chosen)}"


def clear_computer(state: State) -> str:
    return _clear(
        state,
        state.chance.choice(state.computers),
        *("operatingSystem", "operatingSystemVersion", "description", "location", "managedBy"),
        *("servicePrincipalName", "dNSHostName", "msDS_SupportedEncryptionTypes"),
    )


def clear_account(state: State) -> str:
    names = ("displayName", "mail", "department", "title", "description", "userPrincipalName")
    return _clear(state, state.chance.choice(state.accounts), *names)


def clear_group(state: State) -> str:
    return _clear(state, state.chance.choice(state.groups), "description")


def _clear(state: State, item: Item, *names: str) -> str:
    chosen = state.chance.sample(names, state.chance.randint(1, len(names)))
    chosen = [name for name in chosen if state.texts(item, name.replace("_", "-"))]
    if chosen:
        state.change(item, ldb.FLAG_MOD_DELETE, **{name: [] for name in chosen})
    return f"{item.label} {' '.join(chosen)}"


def change_services(state: State) -> str:
    """Adds a service's name, or takes one away."""
    item = state.chance.choice(state.computers)
    present = sorted(state.texts(item, "servicePrincipalName"))
    if present and state.chance.random() < 0.5:
        name = state.chance.choice(present)
        state.change(item, ldb.FLAG_MOD_DELETE, servicePrincipalName=name)
        return f"{item.label} without {name}"
    name = f"MSSQLSvc/{state.new_name()}.{world.DNS_NAME}:1433"
    state.change(item, ldb.FLAG_MOD_ADD, servicePrincipalName=name)
    return f"{item.label} with {name}"


def change_manager(state: State) -> str:
    item = state.chance.choice(state.computers)
    manager = state.chance.choice(state.chance.choice([state.accounts, state.groups]))
    state.change(item, managedBy=manager.reference)
    return f"{item.label} by {manager.label}"


def change_expiry(state: State) -> str:
    item = state.chance.choice(state.accounts)
    moment = state.chance.choice([0, NEVER, NEWEST_LOGON_AT + state.chance.randrange(900) * DAY])
    state.change(item, accountExpires=str(moment))
    return f"{item.label} {moment}"


def change_lockout(state: State) -> str:
    item = state.chance.choice(state.accounts)
    moment = state.chance.choice([0, NEWEST_LOGON_AT + state.chance.randrange(300) * DAY])
    state.change(item, lockoutTime=str(moment))
    return f"{item.label} {moment}"


def change_sid_history(state: State) -> str:
    """As after a migration: the SID that the object had in another domain."""
    items = state.chance.choice([state.accounts, state.groups])
    item = state.chance.choice(items)
    sid = f"{FOREIGN_DOMAIN}-{state.chance.randrange(1000, 9000)}"
    state.change(item, sIDHistory=[ndr_pack(security.dom_sid(sid))])
    return f"{item.label} {sid}"
