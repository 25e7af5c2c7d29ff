"""A PowerShell script that makes the policy with the module GroupPolicy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from directory.grouppolicy.instructions import DELETE_ALL_VALUES
from directory.grouppolicy.kit.choice import KitChoice
from directory.grouppolicy.kit.owned import OwnedValue, values_to_remove
from directory.grouppolicy.kit.values import FIREWALL, HELPERS
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
# Run again with another choice, it takes back what it wrote before and what is not chosen any
# more, and the whole helper list. Rules and exceptions that say anything else stay.
[CmdletBinding(SupportsShouldProcess)]
param([string] $Name = {name})
$ErrorActionPreference = 'Stop'

if (-not (Get-GPO -Name $Name -ErrorAction SilentlyContinue)) {{
    New-GPO -Name $Name | Out-Null
    if ($WhatIfPreference) {{ return }}  # values of an object that is not there cannot be tried
}}

function Get-Present([string] $Key, [string] $ValueName) {{
    try {{
        $where = @{{ Name = $Name; Key = $Key }}
        if ($ValueName) {{ $where.ValueName = $ValueName }}
        Get-GPRegistryValue @where -ErrorAction Stop
    }} catch [System.ArgumentException] {{ }}  # nothing is set there
}}

function Remove-Own([string] $Key, [string] $ValueName, [string[]] $Texts) {{
    $present = Get-Present $Key $ValueName
    if (-not $present) {{ return }}
    $said = "$($present.Value)".TrimEnd([char] 0)
    if ($Texts -and $Texts -notcontains $said) {{
        Write-Warning "$ValueName below $Key stays: it says $said."
        return
    }}
    Remove-GPRegistryValue -Name $Name -Key $Key -ValueName $ValueName | Out-Null
    $removed[$Key] = $true
}}

function Remove-Switch([string] $Key) {{
    # A list that is emptied here goes; it would still replace the computers' own.
    if ($removed["$Key\\List"] -and -not (Get-Present "$Key\\List")) {{
        Remove-GPRegistryValue -Name $Name -Key $Key -ValueName 'Enabled' | Out-Null
    }}
}}

$removed = @{{}}
"""
PROFILES = ("DomainProfile", "StandardProfile")
LISTS = ("GloballyOpenPorts", "AuthorizedApplications")
REMOTE_DESKTOP = r"Services\RemoteDesktop"


def policy_script(choice: KitChoice, entries: Sequence[RegistryPolicyEntry]) -> str:
    """The script's text.

    Args:
        choice: What the policy shall say.
        entries: Its values.
    """
    lines = [*map(_removal, values_to_remove(entries)), *_switches(entries), *_lines(entries)]
    return HEAD.format(name=quoted(choice.name)) + "".join(f"{line}\n" for line in lines)


def quoted(text: str) -> str:
    """A text as PowerShell reads it back, whatever is in it."""
    doubled = "".join(character * 2 if character in QUOTES else character for character in text)
    return f"'{doubled}'"


def _removal(value: OwnedValue) -> str:
    texts = ", ".join(map(quoted, value.texts))
    return f"Remove-Own {_key(value.key)} {quoted(value.name)} @({texts})"


def _switches(entries: Sequence[RegistryPolicyEntry]) -> Iterator[str]:
    """Those of lists that are emptied; that of Remote Desktop may be another's, so it stays."""
    chosen = {entry.key for entry in entries}
    for profile in PROFILES:
        for name in LISTS:
            if (key := rf"{FIREWALL}\{profile}\{name}") not in chosen:
                yield f"Remove-Switch {_key(key)}"
        key = rf"{FIREWALL}\{profile}\{REMOTE_DESKTOP}"
        if key not in chosen:
            yield f"if (Get-Present {_key(key)} 'Enabled') {{"
            yield f"    Write-Warning 'The exception for Remote Desktop of {profile} stays.'"
            yield "}"


def _key(key: str) -> str:
    return quoted(rf"HKLM\{key}")


def _lines(entries: Sequence[RegistryPolicyEntry]) -> Iterator[str]:
    helpers = [
        entry.name
        for entry in entries
        if entry.key == HELPERS and not entry.name.startswith(DELETE_ALL_VALUES)
    ]
    for entry in entries:
        where = f"Set-GPRegistryValue -Name $Name -Key {_key(entry.key)}"
        if entry.name.startswith(DELETE_ALL_VALUES):
            yield f"if (Get-Present {_key(entry.key)}) {{"
            yield f"    Remove-GPRegistryValue -Name $Name -Key {_key(entry.key)} | Out-Null"
            yield "}"
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
