"""What belongs to the kit and is no Group Policy: a subscription, and the portal's delegation."""

from __future__ import annotations

CHANNELS = (
    "Microsoft-Windows-RemoteAssistance/Operational",
    "Microsoft-Windows-RemoteAssistance/Admin",
)
SUBSCRIPTION = """\
<?xml version="1.0" encoding="utf-8"?>
<!-- On the collector: wecutil cs Subscription.xml -->
<Subscription xmlns="http://schemas.microsoft.com/2006/03/windows/events/subscription">
  <SubscriptionId>Remote Assistance</SubscriptionId>
  <SubscriptionType>SourceInitiated</SubscriptionType>
  <Description>What became of offers of Remote Assistance</Description>
  <Enabled>true</Enabled>
  <Uri>http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog</Uri>
  <ConfigurationMode>MinLatency</ConfigurationMode>
  <Query><![CDATA[<QueryList><Query Id="0">{selects}</Query></QueryList>]]></Query>
  <ReadExistingEvents>false</ReadExistingEvents>
  <TransportName>http</TransportName>
  <ContentFormat>RenderedText</ContentFormat>
  <Locale Language="en-US"/>
  <LogFile>ForwardedEvents</LogFile>
  <AllowedSourceNonDomainComputers/>
  <AllowedSourceDomainComputers>O:NSG:NSD:(A;;GA;;;DC)(A;;GA;;;NS)</AllowedSourceDomainComputers>
</Subscription>
"""
DELEGATION = """\
#Requires -Modules ActiveDirectory
# Lets the portal's account act for experts towards computers, if your portal is set up so.
# It changes nothing unless -Apply is given.
#   Constrained (the account names the computers, about 1,200 at most):
#     .\\Set-Delegation.ps1 -Account svc-ra-portal -Computer (Get-Content computers.txt) -Apply
#   Resource-based (each computer names the account, any number):
#     .\\Set-Delegation.ps1 -Account svc-ra-portal -Computer XP191 -ResourceBased -Apply
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string] $Account,
    [Parameter(Mandatory)] [string[]] $Computer,
    [switch] $ResourceBased,
    [switch] $Apply
)
$ErrorActionPreference = 'Stop'
$limit = 1200
$user = Get-ADUser -Identity $Account -Properties 'msDS-AllowedToDelegateTo'
if (-not $ResourceBased) {
    $wanted = foreach ($one in $Computer) {
        $found = Get-ADComputer -Identity $one -Properties DNSHostName
        "HOST/$($found.DNSHostName)"
        "HOST/$($found.Name)"
    }
    # Typed, since Set-ADUser may refuse what a pipeline has wrapped; an absent value is no value.
    [string[]] $present = @($user.'msDS-AllowedToDelegateTo' | Where-Object { $_ })
    [string[]] $new = @($wanted | Where-Object { $present -notcontains $_ } | Select-Object -Unique)
    $total = $new.Count + $present.Count
    if ($total -gt $limit) {
        throw "$total values are more than an account holds; use -ResourceBased."
    }
    if ($new.Count) {
        Set-ADUser -Identity $user -Add @{ 'msDS-AllowedToDelegateTo' = $new } -WhatIf:(-not $Apply)
    }
} else {
    foreach ($one in $Computer) {
        $found = Get-ADComputer -Identity $one -Properties PrincipalsAllowedToDelegateToAccount
        $present = @($found.PrincipalsAllowedToDelegateToAccount | Where-Object { $_ })
        [string[]] $allowed = @($present + $user.DistinguishedName | Select-Object -Unique)
        $change = @{ PrincipalsAllowedToDelegateToAccount = $allowed }
        $found | Set-ADComputer @change -WhatIf:(-not $Apply)
    }
}
"""


def subscription() -> str:
    """For ``wecutil cs``: computers of the domain send what Remote Assistance logs."""
    selects = "".join(f'<Select Path="{channel}">*</Select>' for channel in CHANNELS)
    return SUBSCRIPTION.format(selects=selects)


def delegation_script() -> str:
    """A PowerShell script; without ``-Apply`` it only says what it would do."""
    return DELEGATION
