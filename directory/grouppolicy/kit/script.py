"""A PowerShell script that makes the policy with the module GroupPolicy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from directory.grouppolicy.instructions import DELETE_ALL_VALUES
from directory.grouppolicy.kit.choice import KitChoice
from directory.grouppolicy.kit.values import HELPERS
from directory.grouppolicy.registry_pol import RegistryPolicyEntry

# PowerShell takes each of these for the end of a text in single quotes; doubled it stands for
# itself.
QUOTES = (
    "'\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
    "\N{SINGLE LOW-9 QUOTATION MARK}\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}"
)
HEAD = """\
#Requires -Modules GroupPolicy
# Makes the Group Policy object and sets its values. It links it nowhere: that is yours to do.
[CmdletBinding(SupportsShouldProcess)]
param([string] $Name = {name})
$ErrorActionPreference = 'Stop'

if (-not (Get-GPO -Name $Name -ErrorAction SilentlyContinue)) {{
    New-GPO -Name $Name | Out-Null
    if ($WhatIfPreference) {{ return }}  # values of an object that is not there cannot be tried
}}
"""


def policy_script(choice: KitChoice, entries: Sequence[RegistryPolicyEntry]) -> str:
    """The script's text.

    Args:
        choice: What the policy shall say.
        entries: Its values.
    """
    return HEAD.format(name=quoted(choice.name)) + "".join(f"{line}\n" for line in _lines(entries))


def quoted(text: str) -> str:
    """A text as PowerShell reads it back, whatever is in it."""
    doubled = "".join(character * 2 if character in QUOTES else character for character in text)
    return f"'{doubled}'"


def _lines(entries: Sequence[RegistryPolicyEntry]) -> Iterator[str]:
    helpers = [
        entry.name
        for entry in entries
        if entry.key == HELPERS and not entry.name.startswith(DELETE_ALL_VALUES)
    ]
    for entry in entries:
        where = rf"Set-GPRegistryValue -Name $Name -Key {quoted('HKLM' + chr(92) + entry.key)}"
        if entry.name.startswith(DELETE_ALL_VALUES):
            # Several values at once replace those of earlier policies, unless -Additive is given.
            names = ", ".join(quoted(name) for name in helpers)
            yield f"$helpers = @({names})"
            yield f"{where} -ValueName $helpers -Type String -Value $helpers | Out-Null"
        elif entry.dword is not None:
            yield (
                f"{where} -ValueName {quoted(entry.name)} -Type DWord -Value {entry.dword} "
                "| Out-Null"
            )
        elif entry.key != HELPERS:
            text = quoted(entry.text or "")
            yield (f"{where} -ValueName {quoted(entry.name)} -Type String -Value {text} | Out-Null")
