"""Random changes of Group Policy objects, in the directory and in SYSVOL, and of WMI filters."""

from __future__ import annotations

import shutil
from pathlib import Path

import ldb
from samba.dcerpc import security
from samba.ndr import ndr_unpack

from lab import world
from lab.samba.changes_state import Item, State
from lab.samba.policies import add_policy, add_wmi_filter, filter_by_group, write_files

WMI_FILTERS_DN = f"CN=SOM,CN=WMIPolicy,CN=System,{world.BASE_DN}"


def create_policy(state: State) -> str:
    name = state.new_name()
    dn = add_policy(state.samdb, state.sysvol, _domain_sid(state), _content(state, name))
    state.take(state.policies, dn, name)
    return name


def edit_policy(state: State) -> str:
    """Other values: new files first, then the version in the directory."""
    item = _some_policy(state)
    version = state.number(item, "versionNumber") + 1
    policy = _content(state, item.label)
    write_files(policy, _folder(state, item), version)
    state.change(item, versionNumber=str(version))
    return f"{item.label} {version} {policy.offers} {policy.control} {len(policy.helpers)}"


def edit_files_alone(state: State) -> str:
    """As between two controllers: SYSVOL is newer than the object, which tells of nothing."""
    item = _some_policy(state)
    version = state.number(item, "versionNumber") + 1
    write_files(_content(state, item.label), _folder(state, item), version)
    state.change(item, gPCMachineExtensionNames=state.texts(item, "gPCMachineExtensionNames"))
    return f"{item.label} {version}"


def rename_policy(state: State) -> str:
    item = _some_policy(state)
    name = state.new_relative_name(state.new_name())
    state.change(item, displayName=name)
    return f"{item.label} to {name}"


def change_policy_flags(state: State) -> str:
    """Which of its halves are switched off."""
    item = _some_policy(state)
    flags = str(state.chance.randrange(4))
    state.change(item, flags=flags)
    return f"{item.label} {flags}"


def filter_policy(state: State) -> str:
    """Only a group may apply it from now on."""
    item = _some_policy(state)
    group = state.chance.choice(state.groups)
    name = ldb.binary_encode(state.texts(group, "sAMAccountName")[0])
    filter_by_group(state.samdb, state.dn(item), _domain_sid(state), name)
    return f"{item.label} for {group.label}"


def change_policy_wmi_filter(state: State) -> str:
    """Another WMI filter, or none."""
    item = _some_policy(state)
    if state.number(item, "flags") % 2 and state.texts(item, "gPCWQLFilter"):
        state.change(item, gPCWQLFilter=[])
        return f"{item.label} without"
    wmi_filter = _some_wmi_filter(state)
    key = state.texts(wmi_filter, "msWMI-ID")[0]
    state.change(item, gPCWQLFilter=f"[{world.DNS_NAME};{key};0]")
    return f"{item.label} with {wmi_filter.label}"


def delete_policy(state: State) -> str:
    """Its links stay, as when it is deleted from another domain's console."""
    if len(state.policies) < 2:
        create_policy(state)
    item = state.chance.choice(state.policies)
    folder = _folder(state, item)
    state.delete(item)
    shutil.rmtree(folder)
    return item.label


def create_wmi_filter(state: State) -> str:
    name = state.new_name()
    key = add_wmi_filter(state.samdb, name).split(";")[1]
    state.take(state.wmi_filters, f"CN={key},{WMI_FILTERS_DN}", name)
    return name


def change_wmi_filter(state: State) -> str:
    item = _some_wmi_filter(state)
    build = state.chance.randrange(10**5)
    query = f"SELECT * FROM Win32_OperatingSystem WHERE BuildNumber > {build}"  # noqa: S608 - WQL
    state.change(item, msWMI_Parm2=rf"1;3;10;{len(query)};WQL;root\CIMv2;{query};")
    return f"{item.label} {query}"


def delete_wmi_filter(state: State) -> str:
    if len(state.wmi_filters) < 2:
        create_wmi_filter(state)
    item = state.chance.choice(state.wmi_filters)
    state.delete(item)
    return item.label


def _some_policy(state: State) -> Item:
    if not state.policies:
        create_policy(state)
    return state.chance.choice(state.policies)


def _some_wmi_filter(state: State) -> Item:
    if not state.wmi_filters:
        create_wmi_filter(state)
    return state.chance.choice(state.wmi_filters)


def _content(state: State, name: str) -> world.Policy:
    """What a policy says: every value configured or not, helpers that exist and that do not."""
    candidates = [rf"{world.NETBIOS_NAME}\{_account_name(state)}" for _ in range(3)]
    candidates += [rf"{world.DNS_NAME}\mjones", r"NOWHERE\nobody", world.PORTAL_HELPER]
    return world.Policy(
        name,
        (),
        offers=state.chance.choice([True, True, False, None]),
        control=state.chance.choice([True, False, None]),
        helpers=tuple(dict.fromkeys(state.chance.sample(candidates, state.chance.randrange(5)))),
        firewall=state.chance.random() < 0.5,
    )


def _account_name(state: State) -> str:
    return state.chance.choice(state.chance.choice([state.accounts, state.groups])).label


def _folder(state: State, item: Item) -> Path:
    return state.sysvol / world.DNS_NAME / "Policies" / state.dn(item).get_rdn_value()


def _domain_sid(state: State) -> security.dom_sid:
    head = state.samdb.search(world.BASE_DN, scope=ldb.SCOPE_BASE, attrs=["objectSid"])[0]
    return ndr_unpack(security.dom_sid, head["objectSid"][0])
