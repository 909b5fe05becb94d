#!/usr/bin/env bash
# Gives the app's managed identity its Microsoft Graph application permissions. May be run again at any time:
# what is granted already stays as it is.
#
# Who: someone with Privileged Role Administrator (or Global Administrator), signed in by `az login`.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: grant-graph-permissions.sh --principal OBJECT_ID [options]

  --principal OBJECT_ID   object id of the managed identity (output identityPrincipalId of the deployment)
  --with-users            also User.Read.All: MAILBOXES names mailboxes by address
  --with-group            also GroupMember.Read.All: MAILBOX_GROUP_ID is set
  --without-mail          leave Mail.Read out: an Exchange scope grants the mail (scope-mailboxes.ps1)
TEXT
}

principal=''
with_users=false
with_group=false
with_mail=true
while [ $# -gt 0 ]; do
  case "$1" in
    --principal)
      principal="${2:-}"
      shift $(($# > 1 ? 2 : 1))
      ;;
    --with-users) with_users=true; shift ;;
    --with-group) with_group=true; shift ;;
    --without-mail) with_mail=false; shift ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'Unknown option %s\n\n' "$1" >&2; usage >&2; exit 2 ;;
  esac
done
if ! printf '%s' "$principal" | grep -Eqi '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'; then
  printf 'Give the object id of the managed identity with --principal.\n\n' >&2
  usage >&2
  exit 2
fi

# The same application id in every tenant and cloud; the object id differs.
graph_app_id='00000003-0000-0000-c000-000000000000'
graph_root="$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)"
graph_root="${graph_root%/}/v1.0"
graph_object_id="$(az ad sp show --id "$graph_app_id" --query id --output tsv)"

# Some versions of az print a missing value as None.
present() { sed 's/^None$//'; }

# Ids are looked up by name, because published lists of them contain mistakes.
role_id_of() {
  az ad sp show --id "$graph_app_id" --output tsv \
    --query "appRoles[?value=='$1' && contains(allowedMemberTypes, 'Application')].id | [0]" | present
}

assignment_of() {
  az rest --method get --url "$graph_root/servicePrincipals/$principal/appRoleAssignments" --output tsv \
    --query "value[?appRoleId=='$1' && resourceId=='$graph_object_id'].id | [0]" | present
}

grant() {
  local role_id held refusal
  role_id="$(role_id_of "$1")"
  if [ -z "$role_id" ]; then
    printf 'Microsoft Graph offers no application permission %s in this cloud.\n' "$1" >&2
    exit 1
  fi
  held="$(assignment_of "$role_id")"
  if [ -n "$held" ]; then
    printf '%s: already granted\n' "$1"
    return
  fi
  if refusal="$(az rest --method post --url "$graph_root/servicePrincipals/$graph_object_id/appRoleAssignedTo" --output none \
    --headers 'Content-Type=application/json' \
    --body "{\"principalId\":\"$principal\",\"resourceId\":\"$graph_object_id\",\"appRoleId\":\"$role_id\"}" 2>&1)"; then
    printf '%s: granted\n' "$1"
  else
    case "$refusal" in
      *'already exists'*) printf '%s: already granted\n' "$1" ;;
      *)
        printf '%s: not granted. Signed in with Privileged Role Administrator?\n%s\n' "$1" "$refusal" >&2
        exit 1
        ;;
    esac
  fi
}

if $with_mail; then
  grant Mail.Read
else
  # Permissions add up: an Exchange scope narrows nothing while the tenant-wide grant stands.
  mail_read="$(role_id_of Mail.Read)"
  standing="$(assignment_of "$mail_read")"
  if [ -n "$standing" ]; then
    printf 'Mail.Read is still granted for the whole tenant, so an Exchange scope has no effect. Remove it:\n' >&2
    printf '  az rest --method delete --url "%s/servicePrincipals/%s/appRoleAssignedTo/%s"\n' "$graph_root" "$graph_object_id" "$standing" >&2
    exit 1
  fi
fi
if $with_users; then grant User.Read.All; fi
if $with_group; then grant GroupMember.Read.All; fi
