"""Random changes of who is a member of what."""

from __future__ import annotations

import ldb

from lab import world
from lab.population import SECURITY
from lab.samba.changes_principals import FOREIGN_DOMAIN, OTHER_SCOPES, free_group
from lab.samba.changes_state import Item, State

SCOPES = sum(OTHER_SCOPES)


def add_account_to_group(state: State) -> str:
    return _add(state, state.chance.choice(state.groups), state.chance.choice(state.accounts))


def add_computer_to_group(state: State) -> str:
    return _add(state, state.chance.choice(state.groups), state.chance.choice(state.computers))


def nest_group(state: State) -> str:
    group, member = state.chance.sample(state.groups, 2)
    return _add(state, group, member)


def close_loop(state: State) -> str:
    """Two groups hold each other."""
    group, member = state.chance.sample(state.groups, 2)
    return f"{_add(state, group, member)}; {_add(state, member, group)}"


def add_foreign_member(state: State) -> str:
    """Somebody of another forest: Samba makes a foreign security principal for the SID."""
    group = state.chance.choice(state.groups)
    sid = f"{FOREIGN_DOMAIN}-{state.chance.randrange(1100, 1140)}"
    if not _holds(state, group, f"CN={sid},CN=ForeignSecurityPrincipals,{world.BASE_DN}"):
        state.change(group, ldb.FLAG_MOD_ADD, member=f"<SID={sid}>")
    return f"{group.label} with {sid}"


def remove_member(state: State) -> str:
    group, members = _group_with_members(state)
    member = state.chance.choice(members)
    state.change(group, ldb.FLAG_MOD_DELETE, member=member)
    return f"{group.label} without {member}"


def replace_members(state: State) -> str:
    """All members at once, as scripts do."""
    group = state.chance.choice(state.groups)
    members = {state.some_member() for _ in range(state.chance.randrange(6))} - {group}
    state.change(group, member=sorted(item.reference for item in members))
    return f"{group.label} with {' '.join(sorted(item.label for item in members))}"


def clear_members(state: State) -> str:
    group, _ = _group_with_members(state)
    state.change(group, member=[])
    return group.label


def change_scope(state: State) -> str:
    """Global, domain local, universal: as far as a group may go in one step."""
    item = state.chance.choice(state.groups)
    kind = state.number(item, "groupType")
    scope = kind & SCOPES
    new = kind & ~SCOPES | state.chance.choice(OTHER_SCOPES[scope])
    state.change(item, groupType=str(new))
    return f"{item.label} {new}"


def switch_security(state: State) -> str:
    """A security group becomes one for distribution, or the reverse."""
    item = free_group(state)
    kind = state.number(item, "groupType")
    scope = kind & SCOPES
    new = scope if kind < 0 else scope | SECURITY
    state.change(item, groupType=str(new))
    return f"{item.label} {new}"


def change_primary_group(state: State) -> str:
    """Whose primary group changes must be a member of the new one, and becomes one of the old."""
    item = state.chance.choice(state.chance.choice([state.accounts, state.computers]))
    group = _possible_primary_group(state)
    identifier = state.sid(group).split()[1]
    if state.number(item, "primaryGroupID") != identifier:
        _add(state, group, item)
        state.change(item, primaryGroupID=str(identifier))
    return f"{item.label} {group.label}"


def _possible_primary_group(state: State) -> Item:
    """A security group that is not local to the domain ([MS-ADTS] 3.1.1.5.1.2)."""
    for group in state.chance.sample(state.groups, len(state.groups)):
        kind = state.number(group, "groupType")
        if kind < 0 and kind & SCOPES in (0x2, 0x8):
            return group
    raise LookupError("There is no security group left.")


def _group_with_members(state: State) -> tuple[Item, list[str]]:
    """A group, and the names of its members in order."""
    for group in state.chance.sample(state.groups, len(state.groups)):
        if members := sorted(state.texts(group, "member")):
            return group, members
    raise LookupError("No group has a member.")


def _add(state: State, group: Item, member: Item) -> str:
    """Adds a member, unless it is one: Samba refuses to be told so again."""
    primary = state.number(member, "primaryGroupID")
    is_primary_one = primary == state.sid(group).split()[1]
    if not is_primary_one and not _holds(state, group, str(state.dn(member))):
        state.change(group, ldb.FLAG_MOD_ADD, member=member.reference)
    return f"{group.label} with {member.label}"


def _holds(state: State, group: Item, member: str) -> bool:
    return member.lower() in {name.lower() for name in state.texts(group, "member")}
