r"""What a policy says that keeps offers from arriving beside the firewall.

DCOM restrictions: KB884910; *DCOM: Machine Access Restrictions in SDDL syntax*. RPC: the policy
*Restrict unauthenticated RPC clients*, KB154596 (``Rpc\Internet``). Secure desktop: *User Account
Control* among the security options. The editor writes the first and the last into GptTmpl.inf,
other tools into Registry.pol.
"""

from __future__ import annotations

from collections.abc import Iterable

from directory.grouppolicy.instructions import DELETE_ALL_VALUES, DELETE_VALUE, DELETE_VALUES
from directory.grouppolicy.registry_pol import RegistryPolicyEntry
from directory.grouppolicy.security_template import REG_MULTI_SZ

ACCESS_RESTRICTION = "MachineAccessRestriction"
LAUNCH_RESTRICTION = "MachineLaunchRestriction"
RPC_CLIENTS = "RestrictRemoteClients"
RPC_PORTS = "Ports"
UI_ACCESS_TOGGLE = "EnableUIADesktopToggle"
SECURE_DESKTOP = "PromptOnSecureDesktop"
STANDARD_USERS = "ConsentPromptBehaviorUser"

KEYS = {
    r"software\policies\microsoft\windows nt\dcom": (ACCESS_RESTRICTION, LAUNCH_RESTRICTION),
    r"software\policies\microsoft\windows nt\rpc": (RPC_CLIENTS,),
    r"software\microsoft\rpc\internet": (RPC_PORTS,),
    r"software\microsoft\windows\currentversion\policies\system": (
        UI_ACCESS_TOGGLE,
        SECURE_DESKTOP,
        STANDARD_USERS,
    ),
}
SECURITY_TEMPLATE = "GptTmpl.inf"  # the file itself, where it cannot be read
NAMES = (*(name for names in KEYS.values() for name in names), SECURITY_TEMPLATE)
TEXTS = frozenset({ACCESS_RESTRICTION, LAUNCH_RESTRICTION, RPC_PORTS})
MAXIMUM_CHARACTERS = 4096
UNREADABLE = "?"


def read_hardening(entries: Iterable[RegistryPolicyEntry]) -> dict[str, int | str | None]:
    """The values among one policy's entries.

    Args:
        entries: In the order of the file.

    Returns:
        By name; None where the policy removes what an earlier one set, ``?`` where it sets
        something of another type.
    """
    found: dict[str, int | str | None] = {}
    for entry in entries:
        names = {name.lower(): name for name in KEYS.get(entry.key.strip("\\").lower(), ())}
        if not names:
            continue
        given = entry.name.lower()
        if given in names:
            found[names[given]] = _data(names[given], entry)
        elif given.startswith(DELETE_ALL_VALUES):
            found |= dict.fromkeys(names.values())
        else:
            found |= dict.fromkeys(names[name] for name in _removed(given, entry) if name in names)
    return found


def _removed(given: str, entry: RegistryPolicyEntry) -> list[str]:
    if given == DELETE_VALUES:
        return [name.strip().lower() for name in (entry.text or "").split(";")]
    return [given.removeprefix(DELETE_VALUE)] if given.startswith(DELETE_VALUE) else []


def _data(name: str, entry: RegistryPolicyEntry) -> int | str:
    if name not in TEXTS:
        return entry.dword if entry.dword is not None else UNREADABLE
    text = _texts(entry) if entry.type == REG_MULTI_SZ else entry.text
    return UNREADABLE if text is None or len(text) > MAXIMUM_CHARACTERS else text


def _texts(entry: RegistryPolicyEntry) -> str | None:
    """The lines of a REG_MULTI_SZ, with commas between them."""
    try:
        lines = entry.data.decode("utf-16-le").split("\x00")
    except UnicodeDecodeError:
        return None
    return ", ".join(line for line in lines if line)
