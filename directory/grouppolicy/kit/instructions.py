"""The same in words, for whoever clicks through the Group Policy Management Editor."""

from __future__ import annotations

from collections.abc import Iterator

from directory.grouppolicy.kit.choice import Generation, KitChoice, Profile
from directory.grouppolicy.kit.values import PORT_135, PROGRAMS

PROFILE_FOLDERS = {Profile.DOMAIN: "Domain Profile", Profile.STANDARD: "Standard Profile"}
TEMPLATES = "Computer Configuration > Administrative Templates"
# Newer editors name it Windows Defender Firewall.
FIREWALL_FOLDER = f"{TEMPLATES} > Network > Network Connections > Windows Firewall"


def instructions(choice: KitChoice) -> str:
    """Steps in Markdown."""
    return "\n".join([f"# {choice.name}", "", *_parts(choice)]) + "\n"


def _parts(choice: KitChoice) -> Iterator[str]:
    yield "Choose one of these ways; each gives the same policy."
    yield ""
    yield "- **Import**: in the Group Policy Management Console make an object, *Import Settings*,"
    yield "  and name the folder `backup`. What the object says until then is replaced."
    yield "- **Script**: `New-Policy.ps1`, with the right to make Group Policy objects. Run again,"
    yield "  it removes what an earlier kit wrote and is not chosen any more."
    yield "- **By hand**: the steps below, in the Group Policy Management Editor."
    yield ""
    yield "Then link the object to the organizational unit of the computers. They take it over"
    yield "within two hours, or at `gpupdate`. `Registry.pol` and `sysvol` are for those who load a"
    yield "policy by other tools, `Policy.reg` is for a single computer without Group Policy;"
    yield "`beside` has what Group Policy cannot say."
    yield ""
    yield from _remote_assistance_steps(choice)
    yield from _list_steps(choice)
    yield from _rule_steps(choice)


def _remote_assistance_steps(choice: KitChoice) -> Iterator[str]:
    mode = "remotely control the computer" if choice.control else "only view the computer"
    yield "## Remote Assistance"
    yield ""
    yield f"1. {TEMPLATES} > System > Remote Assistance >"
    yield "   *Configure Offer Remote Assistance* (*Offer Remote Assistance* in Windows XP's"
    yield f"   editor): *Enabled*, *Allow helpers to {mode}*."
    yield "2. *Show*, and add each of these, exactly so:"
    yield ""
    yield from (f"       {helper}" for helper in choice.helpers)
    yield ""
    step = 3
    if choice.session_logging is not None:
        state = "Enabled" if choice.session_logging else "Disabled"
        yield f"{step}. *Turn on session logging*: *{state}*."
        step += 1
    if choice.has_messages:
        yield f"{step}. *Customize warning messages*: *Enabled*."
        for when, message in (
            ("before sharing control", choice.control_message),
            ("before connecting", choice.view_message),
        ):
            if message:
                yield f"   The message {when}: {message}"
    if step > 3 or choice.has_messages:
        yield ""
    if Generation.XP in choice.generations:
        yield "Members of Domain Admins need no entry on Windows XP."
        yield ""


def _list_steps(choice: KitChoice) -> Iterator[str]:
    old = [generation for generation in PROGRAMS if generation in choice.generations]
    if not old:
        return
    yield f"## Firewall of {' and '.join(generation.words for generation in old)}"
    yield ""
    programs = dict(program for generation in old for program in PROGRAMS[generation])
    for profile in sorted(choice.profiles):
        yield f"In {FIREWALL_FOLDER} > {PROFILE_FOLDERS[profile]}:"
        yield ""
        yield "1. *Windows Firewall: Define port exceptions*: *Enabled*, *Show*, add"
        yield f"   `{PORT_135[1]}`."
        yield "2. *Windows Firewall: Define program exceptions*: *Enabled*, *Show*, add"
        yield ""
        yield from (f"       {path}:*:Enabled:{title}" for path, title in programs.items())
        yield ""
        if Generation.SERVER_2003 in old:
            yield "3. *Windows Firewall: Allow Remote Desktop exception*: *Enabled*, from `*`."
            yield ""
    yield "These lists replace exceptions that were made on the computers themselves, unless *Allow"
    yield "local port exceptions* and *Allow local program exceptions* are enabled too."
    yield ""


def _rule_steps(choice: KitChoice) -> Iterator[str]:
    if Generation.VISTA not in choice.generations:
        return
    profiles = "*Domain*"
    if Profile.STANDARD in choice.profiles:
        profiles = "*Private*"
        if Profile.DOMAIN in choice.profiles:
            profiles = "*Domain* and *Private*"
    yield f"## Firewall of {Generation.VISTA.words}"
    yield ""
    yield "In Computer Configuration > Windows Settings > Security Settings > Windows Defender"
    yield "Firewall with Advanced Security > Inbound Rules: *New Rule*, *Predefined*,"
    yield "*Remote Assistance*, and choose"
    yield f"(DCOM-In), (RA Server TCP-In) and (TCP-In) for the profile {profiles}; *Allow*."
    if choice.event_log:
        yield ""
        yield "The same with *Remote Event Log Management*: (RPC) and (RPC-EPMAP)."
    yield ""
