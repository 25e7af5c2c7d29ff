"""Whether a machine-wide DCOM restriction lets somebody call from another computer.

The restriction is a security descriptor in SDDL ([MS-DTYP] 2.5.1). Rights of COM: MicrosoftDocs
win32, *Access Control Lists for COM*. An access control list of the older form grants only
COM_RIGHTS_EXECUTE, which then stands for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Set

EXECUTE, EXECUTE_LOCAL, EXECUTE_REMOTE, ACTIVATE_LOCAL, ACTIVATE_REMOTE = 1, 2, 4, 8, 16
ACCESS_RIGHTS = EXECUTE_REMOTE
LAUNCH_RIGHTS = EXECUTE_REMOTE | ACTIVATE_REMOTE
# [MS-DTYP] 2.5.1.1: directory rights, whose bits COM uses as its own, and generic ones.
RIGHTS = {
    "CC": 0x1,
    "DC": 0x2,
    "LC": 0x4,
    "SW": 0x8,
    "RP": 0x10,
    "WP": 0x20,
    "DT": 0x40,
    "LO": 0x80,
    "CR": 0x100,
    "SD": 0x10000,
    "RC": 0x20000,
    "WD": 0x40000,
    "WO": 0x80000,
    "GA": 0x10000000,
    "GX": 0x20000000,
    "GW": 0x40000000,
    "GR": 0x80000000,
}
WELL_KNOWN = {
    "WD": "S-1-1-0",
    "AU": "S-1-5-11",
    "NU": "S-1-5-2",
    "AN": "S-1-5-7",
    "SY": "S-1-5-18",
    "BA": "S-1-5-32-544",
    "BU": "S-1-5-32-545",
    "BG": "S-1-5-32-546",
    "RD": "S-1-5-32-555",
    "MU": "S-1-5-32-558",
    "LU": "S-1-5-32-559",
    "CD": "S-1-5-32-562",
}
OF_THE_DOMAIN = {"DA": 512, "DU": 513, "DG": 514, "DC": 515}
EVERYBODY = frozenset({"S-1-1-0", "S-1-5-11", "S-1-5-2"})
BUILTIN = "S-1-5-32-"
DACL = re.compile(r"D:(?P<flags>[A-Z]*)(?P<entries>(?:\([^()]*\))*)(?:S:.*)?$")
ENTRY = re.compile(r"\(([^()]*)\)")
SID = re.compile(r"S(-[0-9]{1,20}){3,17}", re.IGNORECASE)


class MalformedRestriction(ValueError):
    """The text is no SDDL that can be judged."""


def lets_in(sddl: str, needed: int, sids: Set[str], domain_sid: str) -> bool | None:
    """Whether somebody has rights by a restriction.

    Args:
        sddl: The restriction.
        needed: ``ACCESS_RIGHTS`` or ``LAUNCH_RIGHTS``.
        sids: The caller's own and those of the groups it is in.
        domain_sid: Of the computer, for the abbreviations of its domain's groups.

    Returns:
        None where that hangs on groups of the computer itself, which cannot be seen.

    Raises:
        MalformedRestriction: It cannot be read.
    """
    mine = sids | EVERYBODY
    missing, is_doubtful = needed, False
    for is_deny, mask, sid in _entries(sddl, domain_sid):
        speaks = _com_rights(mask) & missing
        if not speaks:
            continue
        if sid in mine:
            if is_deny:
                return False
            missing &= ~speaks
            if not missing:
                return None if is_doubtful else True
        elif sid.startswith(BUILTIN):
            is_doubtful = True
    return None if is_doubtful else False


def _entries(sddl: str, domain_sid: str) -> list[tuple[bool, int, str]]:
    start = sddl.find("D:")
    found = DACL.match(sddl[start:]) if start >= 0 else None
    if found is None:
        raise MalformedRestriction("It has no list of who may what.")
    return [_entry(text, domain_sid) for text in ENTRY.findall(found["entries"])]


def _entry(text: str, domain_sid: str) -> tuple[bool, int, str]:
    fields = text.split(";")
    if len(fields) != 6 or fields[0] not in ("A", "D"):
        raise MalformedRestriction(f"({text}) is no entry that can be judged.")
    return fields[0] == "D", _mask(fields[2]), _sid(fields[5], domain_sid)


def _mask(text: str) -> int:
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10}", text):
        return int(text, 16 if text[:2].lower() == "0x" else 10)
    letters = [text[position : position + 2] for position in range(0, len(text), 2)]
    if any(pair not in RIGHTS for pair in letters):
        raise MalformedRestriction(f"{text} names no rights.")
    mask = 0
    for pair in letters:
        mask |= RIGHTS[pair]
    return mask


def _sid(text: str, domain_sid: str) -> str:
    if text in WELL_KNOWN:
        return WELL_KNOWN[text]
    if text in OF_THE_DOMAIN:
        return f"{domain_sid}-{OF_THE_DOMAIN[text]}"
    if SID.fullmatch(text):
        return text.upper()
    raise MalformedRestriction(f"{text} names nobody that is known.")


def _com_rights(mask: int) -> int:
    everything = EXECUTE | EXECUTE_LOCAL | EXECUTE_REMOTE | ACTIVATE_LOCAL | ACTIVATE_REMOTE
    if mask & RIGHTS["GA"] or mask & everything == EXECUTE:
        return everything
    return mask & everything
