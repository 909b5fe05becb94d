<#
.SYNOPSIS
Lets the app's managed identity read the mail of one group's members only (RBAC for Applications in Exchange Online).

.DESCRIPTION
May be run again at any time. Run it instead of granting Mail.Read in Entra: permissions add up, so this scope narrows
nothing while the identity holds Mail.Read for the whole tenant (grant-graph-permissions with "without mail" checks that).
The change reaches Exchange's caches after 30 minutes to 2 hours; the test at the end asks past them.

Who: Exchange Administrator (Organization Management), with the module ExchangeOnlineManagement, after Connect-ExchangeOnline.

.PARAMETER ClientId
Application id of the managed identity (output identityClientId of the deployment).

.PARAMETER Principal
Object id of the managed identity (output identityPrincipalId of the deployment).

.PARAMETER Group
The group whose direct members are the mailboxes; members of groups inside it do not count.

.PARAMETER Name
Name of the service principal and of the role assignment in Exchange.

.PARAMETER Inside
A mailbox that must be readable.

.PARAMETER Outside
A mailbox that must not be.
#>
[CmdletBinding()]
param(
  [Parameter(Mandatory)] [guid] $ClientId,
  [Parameter(Mandatory)] [guid] $Principal,
  [Parameter(Mandatory)] [string] $Group,
  [ValidateLength(1, 64)] [string] $Name = 'graph-mail-ingest',
  [Parameter(Mandatory)] [string] $Inside,
  [Parameter(Mandatory)] [string] $Outside
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$role = 'Application Mail.Read'

if (Get-ServicePrincipal -Identity "$Principal" -ErrorAction SilentlyContinue) {
  Write-Output 'Service principal: already known to Exchange'
} else {
  $null = New-ServicePrincipal -AppId "$ClientId" -ObjectId "$Principal" -DisplayName $Name
  Write-Output 'Service principal: made known to Exchange'
}

if (Get-ManagementRoleAssignment -Identity $Name -ErrorAction SilentlyContinue) {
  # The group of an assignment is not readable as it was given, so it is not compared: the test below tells.
  Write-Output "Role assignment ${Name}: there already. To change its group, remove it first: Remove-ManagementRoleAssignment -Identity '$Name'"
} else {
  $null = New-ManagementRoleAssignment -Name $Name -App "$Principal" -Role $role -RecipientGroupScope $Group
  Write-Output "Role assignment ${Name}: made"
}

function Test-InScope([string] $Mailbox) {
  $answers = @(Test-ServicePrincipalAuthorization -Identity "$Principal" -Resource $Mailbox | Where-Object { $_.RoleName -eq $role })
  @($answers | Where-Object { "$($_.InScope)" -eq 'True' }).Count -gt 0
}

if (-not (Test-InScope $Inside)) { throw "$Inside is out of scope: is it a direct member of $Group?" }
if (Test-InScope $Outside) { throw "$Outside is in scope, but must not be: is it a member of $Group, or does another assignment reach it?" }
Write-Output "$Inside can be read, $Outside cannot."
