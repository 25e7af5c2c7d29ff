"""Random changes of organizational units, and of sites, subnets and site links."""

from __future__ import annotations

import re

from samba import sites as samba_sites
from samba import subnets as samba_subnets

from lab import world
from lab.samba.changes_principals import is_primary
from lab.samba.changes_state import CONFIGURATION_DN, OWN, Item, State

LINK = re.compile(r"\[LDAP://(?P<policy>[^;\]]+);(?P<options>\d+)\]", re.IGNORECASE)
LARGEST_RENAMED = 150  # objects; Samba writes each of them
LARGEST_DELETED = 25
SIZES_LOOKED_AT = 5  # units; a third of a second each in a large directory
SITES_DN = f"CN=Sites,{CONFIGURATION_DN}"
SITE_LINKS_DN = f"CN=IP,CN=Inter-Site Transports,{SITES_DN}"
FIRST_SITE = "Default-First-Site-Name"


def create_unit(state: State) -> str:
    name = state.new_name()
    parent = state.dn(state.some_unit())
    dn = state.child(parent, "OU", state.new_relative_name(name))
    state.add(state.units, dn, {"objectClass": "organizationalUnit"}, label=name)
    return name


def rename_unit(state: State) -> str:
    """With all that lies in it."""
    unit = _unit_to_rename(state)
    name = state.new_relative_name(state.new_name())
    state.rename(unit, state.child(state.dn(unit).parent(), "OU", name))
    return f"{unit.label} to {name}"


def _unit_to_rename(state: State) -> Item:
    """One that is not too large, with content if there is such a one."""
    looked_at = state.chance.sample(state.units, min(SIZES_LOOKED_AT, len(state.units)))
    sizes = {unit: state.size(unit) for unit in looked_at}
    fitting = [unit for unit, size in sizes.items() if size <= LARGEST_RENAMED]
    if not fitting:
        create_unit(state)
        return state.units[-1]
    return max(fitting, key=lambda unit: sizes[unit])


def move_unit(state: State) -> str:
    """With all that lies in it, to a place that is not inside it."""
    unit = _own_unit(state)
    dn = state.dn(unit)
    places = [
        place for place in state.units if place is not unit and not _is_below(state, place, dn)
    ]
    place = state.chance.choice(places)
    state.rename(unit, state.child(state.dn(place), "OU", dn.get_rdn_value()))
    return f"{unit.label} to {place.label}"


def delete_unit(state: State) -> str:
    """With all that lies in it, if that is not too much and Samba would let go of it."""
    for unit in state.chance.sample(state.units, len(state.units)):
        is_own = OWN.search(unit.label)
        if is_own and state.size(unit) <= LARGEST_DELETED and not _holds_primary(state, unit):
            state.delete(unit)
            return unit.label
    create_unit(state)
    unit = state.units[-1]
    state.delete(unit)
    return unit.label


def switch_inheritance(state: State) -> str:
    unit = state.chance.choice(state.units)
    options = state.number(unit, "gPOptions") ^ 1
    state.change(unit, gPOptions=str(options))
    return f"{unit.label} {options}"


def change_unit_links(state: State) -> str:
    """Links a policy, orders links anew, enforces or disables one, or takes one away."""
    return _change_links(state, state.chance.choice(state.units))


def change_site_links_of_policies(state: State) -> str:
    if not state.sites:
        create_site(state)
    return _change_links(state, state.chance.choice(state.sites))


def _change_links(state: State, container: Item) -> str:
    texts = state.texts(container, "gPLink")
    links = [(match["policy"], match["options"]) for text in texts for match in LINK.finditer(text)]
    what = state.chance.choice(["add", "add", "order", "options", "remove"])
    if not links or what == "add":
        policy = str(state.dn(state.chance.choice(state.policies))) if state.policies else NOBODYS
        linked = {name.lower() for name, _ in links}
        if policy.lower() not in linked:
            links.insert(state.chance.randint(0, len(links)), (policy, "0"))
    elif what == "order":
        state.chance.shuffle(links)
    elif what == "options":
        number = state.chance.randrange(len(links))
        links[number] = (links[number][0], str(state.chance.randrange(4)))
    else:
        links.pop(state.chance.randrange(len(links)))
    text = "".join(f"[LDAP://{policy};{options}]" for policy, options in links)
    state.change(container, gPLink=text or [])
    return f"{container.label} {what} {len(links)}"


# The Default Domain Policy, which every domain has ([MS-GPOD] 1.1.9)
NOBODYS = f"CN={{31B2F340-016D-11D2-945F-00C04FB984F9}},CN=Policies,CN=System,{world.BASE_DN}"


def _own_unit(state: State) -> Item:
    own = [unit for unit in state.units if OWN.search(unit.label)]
    if not own:
        create_unit(state)
        return state.units[-1]
    return state.chance.choice(own)


def _is_below(state: State, item: Item, dn: object) -> bool:
    return str(state.dn(item)).lower().endswith(f",{dn}".lower())


def _holds_primary(state: State, unit: Item) -> bool:
    dn = state.dn(unit)
    return any(_is_below(state, group, dn) and is_primary(state, group) for group in state.groups)


# Sites


def create_site(state: State) -> str:
    name = state.new_name()
    samba_sites.create_site(state.samdb, CONFIGURATION_DN, name)
    state.take(state.sites, f"CN={name},{SITES_DN}", name)
    return name


def rename_site(state: State) -> str:
    if not state.sites:
        create_site(state)
    site = state.chance.choice(state.sites)
    name = state.new_name()
    state.rename(site, state.child(SITES_DN, "CN", name))
    before, site.label = site.label, name
    return f"{before} to {name}"


def delete_site(state: State) -> str:
    """Its subnets and site links stay behind, with a reference less."""
    if len(state.sites) < 2:
        create_site(state)
    site = state.chance.choice(state.sites)
    state.delete(site)
    return site.label


def create_subnet(state: State) -> str:
    present = {subnet.label for subnet in state.subnets}
    while (name := f"10.{state.chance.randrange(100, 250)}.{state.chance.randrange(256)}.0/24") in (
        present
    ):
        pass
    site = state.chance.choice(state.sites).label if state.sites else FIRST_SITE
    samba_subnets.create_subnet(state.samdb, CONFIGURATION_DN, name, site)
    state.take(state.subnets, f"CN={name},CN=Subnets,{SITES_DN}", name)
    return f"{name} in {site}"


def change_subnet(state: State) -> str:
    """Another site, none, or another description."""
    if not state.subnets:
        create_subnet(state)
    subnet = state.chance.choice(state.subnets)
    site = state.chance.choice([*state.sites, None])
    state.change(
        subnet,
        siteObject=site.reference if site else [],
        description=state.some_text(),
    )
    return f"{subnet.label} in {site.label if site else 'no site'}"


def delete_subnet(state: State) -> str:
    if len(state.subnets) < 2:
        create_subnet(state)
    subnet = state.chance.choice(state.subnets)
    state.delete(subnet)
    return subnet.label


def create_site_link(state: State) -> str:
    name = state.new_name()
    while len(state.sites) < 2:
        create_site(state)
    ends = state.chance.sample(state.sites, 2)
    state.add(
        state.site_links,
        f"CN={name},{SITE_LINKS_DN}",
        {
            "objectClass": "siteLink",
            "cost": "100",
            "replInterval": "180",
            "siteList": [str(state.dn(site)) for site in ends],
        },
        label=name,
    )
    return f"{name} of {ends[0].label} and {ends[1].label}"


def change_site_link(state: State) -> str:
    if not state.site_links:
        create_site_link(state)
    link = state.chance.choice(state.site_links)
    cost = str(state.chance.randrange(1, 500))
    state.change(link, cost=cost, replInterval=str(15 * state.chance.randrange(1, 20)))
    return f"{link.label} {cost}"


def delete_site_link(state: State) -> str:
    if not state.site_links:
        create_site_link(state)
    link = state.chance.choice(state.site_links)
    state.delete(link)
    return link.label
