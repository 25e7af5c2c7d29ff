"""A file for the registry editor: for a single computer, without Group Policy."""

from __future__ import annotations

from collections.abc import Sequence

from directory.grouppolicy.instructions import DELETE_ALL_VALUES
from directory.grouppolicy.kit.owned import values_to_remove
from directory.grouppolicy.registry_pol import RegistryPolicyEntry

HEADER = "Windows Registry Editor Version 5.00"
MACHINE = "HKEY_LOCAL_MACHINE"


def registry_file(entries: Sequence[RegistryPolicyEntry]) -> bytes:
    """The entries in the registry editor's form, in UTF-16 as it writes them.

    First it removes what another choice may have left, by name: the form knows no conditions.

    Args:
        entries: Numbers, texts, and removals of all values of a key, in order.

    Raises:
        ValueError: Another kind of entry, which the form cannot express.
    """
    lines = [HEADER]
    key = ""
    for value in values_to_remove(entries):
        if value.key != key:
            key = value.key
            lines += ["", rf"[{MACHINE}\{key}]"]
        lines.append(f"{_quoted(value.name)}=-")
    key = ""
    for entry in entries:
        if entry.name.startswith(DELETE_ALL_VALUES):
            lines += ["", rf"[-{MACHINE}\{entry.key}]"]
            continue
        if entry.key != key:
            key = entry.key
            lines += ["", rf"[{MACHINE}\{key}]"]
        lines.append(f"{_quoted(entry.name)}={_data(entry)}")
    return ("\r\n".join([*lines, ""])).encode("utf-16")


def _data(entry: RegistryPolicyEntry) -> str:
    if entry.dword is not None:
        return f"dword:{entry.dword:08x}"
    if entry.text is None or entry.name.startswith("**"):
        raise ValueError(f"{entry.name} has no form in a registry file")
    return _quoted(entry.text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
