#Requires -Version 5.1
<#
.SYNOPSIS
    Starts Windows Remote Assistance for an offer that the portal handed off.
.DESCRIPTION
    Windows starts this script for links of the scheme remote-assistance-portal. It takes a link
    that the portal signed, has the portal confirm it (which uses the link up), starts
    msra.exe /offerra with the computer that the portal names, and reports start and end.
    It holds no secret: the key below verifies signatures and cannot make any.
.PARAMETER Link
    remote-assistance-portal:launch?v=1&offer=...&computer=...&expires=...&token=...&signature=...
#>
[CmdletBinding(PositionalBinding = $false)]
param(
    [Parameter(Mandatory = $true, Position = 0)]
    [ValidateLength(1, 1024)]
    [string] $Link
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Portal = '@PORTAL@'
$PublicKey = '@PUBLIC_KEY@'
$LinkForm = '\Aremote-assistance-portal:launch\?(?<signed>v=1&offer=(?<offer>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})&computer=(?<computer>[A-Za-z0-9.-]{1,253})&expires=(?<expires>[0-9]{10})&token=(?<token>[A-Za-z0-9_-]{43}))&signature=(?<signature>[A-Za-z0-9_-]{86})\z'
$ComputerForm = '\A[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\z'

function ConvertFrom-Base64Url {
    param([string] $Text)
    $padded = $Text.Replace('-', '+').Replace('_', '/')
    while ($padded.Length % 4 -ne 0) { $padded += '=' }
    return , [Convert]::FromBase64String($padded)
}

function Test-Signature {
    param([string] $Signed, [string] $Signature)
    $format = [System.Security.Cryptography.CngKeyBlobFormat]::EccPublicBlob
    $key = [System.Security.Cryptography.CngKey]::Import([Convert]::FromBase64String($PublicKey), $format)
    $verifier = New-Object -TypeName System.Security.Cryptography.ECDsaCng -ArgumentList $key
    try {
        $verifier.HashAlgorithm = [System.Security.Cryptography.CngAlgorithm]::Sha256
        $data = [System.Text.Encoding]::ASCII.GetBytes($Signed)
        return $verifier.VerifyData($data, (ConvertFrom-Base64Url -Text $Signature))
    }
    finally {
        $verifier.Dispose()
    }
}

function Send-Portal {
    param([string] $Path, [hashtable] $Document)
    $body = [System.Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $Document -Compress))
    return Invoke-RestMethod -Method Post -Uri ($Portal + $Path) -Body $body -ContentType 'application/json' -TimeoutSec 20 -MaximumRedirection 0 -UseBasicParsing
}

function Send-Report {
    param([string] $Token, [string] $EventName, $ExitCode)
    $document = @{ token = $Token; event = $EventName }
    if ($null -ne $ExitCode) { $document['exit_code'] = [long] $ExitCode }
    # A report that is lost does not stop the session; the portal then goes by other evidence.
    try { [void] (Send-Portal -Path '/api/v1/launches/report' -Document $document) } catch { Write-Verbose -Message $_.Exception.Message }
}

function Show-Problem {
    param([string] $Text)
    Add-Type -AssemblyName System.Windows.Forms
    [void] [System.Windows.Forms.MessageBox]::Show($Text, 'Remote Assistance portal')
}

try {
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    if (-not $Portal.StartsWith('https://', [StringComparison]::Ordinal)) { throw 'The portal''s address is not https.' }
    if ($Link -cnotmatch $LinkForm) { throw 'This is no link of the portal.' }
    $parts = $Matches.Clone()
    if (-not (Test-Signature -Signed $parts['signed'] -Signature $parts['signature'])) { throw 'The link was not signed by the portal.' }

    try {
        $confirmed = Send-Portal -Path '/api/v1/launches/confirm' -Document @{ token = $parts['token'] }
    }
    catch {
        throw 'The portal does not confirm the link: it may have been used, or be too old. Start again on the offer''s page.'
    }
    $computer = [string] $confirmed.computer
    if ($computer -cnotmatch $ComputerForm -or $computer.Length -gt 253) { throw 'The portal names no computer that could be offered help.' }
    if ($computer -cne $parts['computer'] -or [string] $confirmed.offer -cne $parts['offer']) { throw 'The portal confirmed another link.' }

    # Not from %SystemRoot%: a variable is the user's to change. Sysnative is for a 32-bit PowerShell.
    $system = [Environment]::SystemDirectory
    if (-not [Environment]::Is64BitProcess -and [Environment]::Is64BitOperatingSystem) { $system = Join-Path -Path ([Environment]::GetFolderPath('Windows')) -ChildPath 'Sysnative' }
    $program = Join-Path -Path $system -ChildPath 'msra.exe'
    $reportToken = [string] $confirmed.report_token
    try {
        # A list of arguments; the name holds nothing but letters, digits, hyphens and dots.
        $process = Start-Process -FilePath $program -ArgumentList @('/offerra', $computer) -PassThru
    }
    catch {
        Send-Report -Token $reportToken -EventName 'failed' -ExitCode $null
        throw 'Windows Remote Assistance (msra.exe) could not be started.'
    }
    $handle = $process.Handle  # held, or the exit code is lost when the process ends
    Send-Report -Token $reportToken -EventName 'started' -ExitCode $null
    $process.WaitForExit()
    Send-Report -Token $reportToken -EventName 'ended' -ExitCode $process.ExitCode
    exit 0
}
catch {
    Show-Problem -Text $_.Exception.Message
    exit 1
}
