<#
.SYNOPSIS
Gives the app's managed identity its Microsoft Graph application permissions.

.DESCRIPTION
May be run again at any time: what is granted already stays as it is. Does the same as grant-graph-permissions.sh.
Who: someone with Privileged Role Administrator (or Global Administrator), signed in by `az login`.

.PARAMETER Principal
Object id of the managed identity (output identityPrincipalId of the deployment).

.PARAMETER WithUsers
Also User.Read.All: MAILBOXES names mailboxes by address.

.PARAMETER WithGroup
Also GroupMember.Read.All: MAILBOX_GROUP_ID is set.

.PARAMETER WithoutMail
Leave Mail.Read out: an Exchange scope grants the mail (scope-mailboxes.ps1).
#>
[CmdletBinding()]
param(
  [Parameter(Mandatory)] [guid] $Principal,
  [switch] $WithUsers,
  [switch] $WithGroup,
  [switch] $WithoutMail
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
# Exit codes of az are judged here, whatever the caller's preference makes of them.
$PSNativeCommandUseErrorActionPreference = $false

function Invoke-Az([string[]] $Arguments) {
  $answer = az @Arguments --output json
  if ($LASTEXITCODE -ne 0) { throw "az $($Arguments[0..1] -join ' ') failed: see its message above." }
  if ($answer) { $answer | Out-String | ConvertFrom-Json }
}

# The same application id in every tenant and cloud; the object id differs.
$graph = Invoke-Az @('ad', 'sp', 'show', '--id', '00000003-0000-0000-c000-000000000000')
$graphRoot = (Invoke-Az @('cloud', 'show')).endpoints.microsoftGraphResourceId.TrimEnd('/') + '/v1.0'
$held = (Invoke-Az @('rest', '--method', 'get', '--url', "$graphRoot/servicePrincipals/$Principal/appRoleAssignments")).value

# Ids are looked up by name, because published lists of them contain mistakes.
function Get-RoleId([string] $Permission) {
  $role = $graph.appRoles | Where-Object { $_.value -eq $Permission -and $_.allowedMemberTypes -contains 'Application' }
  if (-not $role) { throw "Microsoft Graph offers no application permission $Permission in this cloud." }
  $role.id
}

function Get-Assignment([string] $RoleId) {
  $held | Where-Object { $_.appRoleId -eq $RoleId -and $_.resourceId -eq $graph.id } | Select-Object -First 1
}

function Add-Permission([string] $Permission) {
  $roleId = Get-RoleId $Permission
  if (Get-Assignment $roleId) {
    Write-Output "${Permission}: already granted"
    return
  }
  # From a file, because quotes inside arguments reach az differently on each platform and version of PowerShell.
  $body = New-TemporaryFile
  try {
    @{ principalId = "$Principal"; resourceId = $graph.id; appRoleId = $roleId } | ConvertTo-Json | Set-Content -Path $body -Encoding ascii
    $null = Invoke-Az @('rest', '--method', 'post', '--url', "$graphRoot/servicePrincipals/$($graph.id)/appRoleAssignedTo",
      '--headers', 'Content-Type=application/json', '--body', "@$($body.FullName)")
  } finally {
    Remove-Item $body
  }
  Write-Output "${Permission}: granted"
}

if ($WithoutMail) {
  # Permissions add up: an Exchange scope narrows nothing while the tenant-wide grant stands.
  $standing = Get-Assignment (Get-RoleId 'Mail.Read')
  if ($standing) {
    throw "Mail.Read is still granted for the whole tenant, so an Exchange scope has no effect. Remove it: az rest --method delete --url `"$graphRoot/servicePrincipals/$($graph.id)/appRoleAssignedTo/$($standing.id)`""
  }
} else {
  Add-Permission 'Mail.Read'
}
if ($WithUsers) { Add-Permission 'User.Read.All' }
if ($WithGroup) { Add-Permission 'GroupMember.Read.All' }
