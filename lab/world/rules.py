"""What stands in ``r2.local`` beside the story: a unit for each rule of Group Policy and of trusts.

Named for the rule that each shows, below OU=Rules, so that nobody of the story meets them.
"""

from __future__ import annotations

from lab.world.description import (
    Computer,
    Policy,
    PolicyLink,
    SecurityGroup,
    Unit,
)

PORTAL_HELPER = r"R2\Remote Assistance Portal"
HELPERS = (r"R2\Helpdesk Winnipeg", PORTAL_HELPER)

UNITS = (
    Unit("Rules"),
    Unit("Forced Shut", parent="Rules"),
    Unit("Open below Shut", parent="Forced Shut"),
    Unit("Forced Open", parent="Rules"),
    Unit("Closed below Open", parent="Forced Open", blocks_inheritance=True),
    Unit("Link Off", parent="Rules"),
    Unit("Two Links", parent="Rules"),
    Unit("Denied", parent="Rules"),
    Unit("Half Off", parent="Rules"),
    Unit("Name Forms", parent="Rules"),
    Unit("Partners", parent="Rules"),
    Unit("Two Versions", parent="Rules"),
    Unit("Nobody Listed", parent="Rules"),
)

GROUPS = (
    SecurityGroup("Kiosk Computers", ("RUL-W11-05",)),
    SecurityGroup(
        "Prairie Helpers",
        ("nkhan",),
        scope="domain local",
        foreign_members=(r"CONTOSO\Field Support",),
    ),
)


def _allowing(name: str, unit: str, helpers: tuple[str, ...] = HELPERS) -> Policy:
    return Policy(name, (PolicyLink(unit),), offers=True, control=True, helpers=helpers)


POLICIES = (
    Policy("ForcedShutGPO", (PolicyLink("Forced Shut", enforced=True),), offers=False),
    _allowing("OpenBelowShutGPO", "Open below Shut"),
    Policy(
        "ForcedOpenGPO",
        (PolicyLink("Forced Open", enforced=True),),
        offers=True,
        control=True,
        helpers=HELPERS,
    ),
    Policy("ClosedBelowOpenGPO", (PolicyLink("Closed below Open"),), offers=False),
    Policy(
        "LinkOffGPO",
        (PolicyLink("Link Off", disabled=True),),
        offers=True,
        control=True,
        helpers=HELPERS,
    ),
    # In this order in gPLink: the console shows the second as number 1.
    _allowing("FirstLinkGPO", "Two Links"),
    Policy(
        "SecondLinkGPO", (PolicyLink("Two Links"),), offers=True, control=False, helpers=HELPERS
    ),
    Policy(
        "DeniedGPO",
        (PolicyLink("Denied"),),
        offers=True,
        control=True,
        helpers=HELPERS,
        denied_to_group="Kiosk Computers",
    ),
    Policy(
        "HalfOffGPO",
        (PolicyLink("Half Off"),),
        offers=True,
        control=True,
        helpers=HELPERS,
        computer_half_disabled=True,
    ),
    _allowing(
        "NameFormsGPO",
        "Name Forms",
        (
            "eadams@r2.local",
            "Helpdesk Brandon",
            r"BUILTIN\Administrators",
            r"CONTOSO\Seattle Helpers",
            PORTAL_HELPER,
        ),
    ),
    _allowing("PartnersGPO", "Partners", (r"R2\Prairie Helpers", PORTAL_HELPER)),
    Policy(
        "TwoVersionsGPO",
        (PolicyLink("Two Versions"),),
        offers=True,
        control=True,
        helpers=HELPERS,
        versions_behind=1,
    ),
    _allowing("NobodyListedGPO", "Nobody Listed", ()),
)


def _computer(number: int, unit: str, *, may_authenticate: tuple[str, ...] = ()) -> Computer:
    return Computer(
        f"RUL-W11-{number:02}",
        unit,
        "Windows 11 Enterprise",
        "10.0 (22631)",
        100 + number,
        may_authenticate=may_authenticate,
    )


COMPUTERS = (
    _computer(1, "Open below Shut"),
    _computer(2, "Closed below Open"),
    _computer(3, "Link Off"),
    _computer(4, "Two Links"),
    _computer(5, "Denied"),
    _computer(6, "Denied"),
    _computer(7, "Half Off"),
    _computer(8, "Name Forms"),
    # Matters while the trust with contoso.test asks for selective authentication.
    _computer(9, "Partners", may_authenticate=(r"CONTOSO\Field Support Nights",)),
    _computer(10, "Two Versions"),
    _computer(11, "Nobody Listed"),
    # In the unit of the pilot's policy, but not in the pilot's group.
    Computer("FLF-W11-02", "Flin Flon", "Windows 11 Enterprise", "10.0 (22631)", 62),
)
