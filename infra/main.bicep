// Everything that Graph Mail Ingest needs in one resource group: reached by identities, never by keys.
targetScope = 'resourceGroup'

// ---- Where and how big

@description('Start of every resource name: lower-case letters, digits and hyphens, a letter first.')
@minLength(2)
@maxLength(12)
param namePrefix string = 'mailingest'

@description('Region of all resources; it must offer Flex Consumption.')
param location string = resourceGroup().location

@description('Tags put on every resource.')
param tags object = {}

@description('Redundancy of the storage account; not every region offers zones.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_LRS'

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Major version of Node.')
@allowed(['24', '22'])
param nodeVersion string = '24'

@description('Memory of an instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances at a time, for each group of functions that scales together.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 100

@description('Warm instances for the notification endpoint: Graph delays, then drops notifications of an endpoint that answers slowly. 0 saves money in a trial.')
@minValue(0)
@maxValue(20)
param httpAlwaysReady int = 1

@description('HTTP requests that one instance takes at a time. Handling a notification is one send to a queue, so an instance bears many.')
@minValue(1)
@maxValue(1000)
param httpPerInstanceConcurrency int = 100

// ---- Which mail

@description('Mailboxes to watch: addresses or object ids, comma separated. The app needs this or mailboxGroupId.')
@maxLength(8000)
param mailboxes string = ''

@description('Object id of an Entra group whose direct members are watched; empty for none.')
@maxLength(36)
param mailboxGroupId string = ''

@description('Mail folders to watch, comma separated.')
@minLength(1)
@maxLength(1000)
param mailFolders string = 'inbox'

@description('Whether the raw mail is stored as a claim check.')
param includeMime bool = false

@description('Whether attachments are stored as claim checks.')
param includeAttachments bool = false

@description('National cloud of the Microsoft 365 tenant.')
@allowed(['global', 'usgov', 'usgovdod', 'china'])
param azureCloud string = 'global'

// ---- When

@description('After how long without news a mailbox is looked at anyway: an ISO 8601 duration from PT1S to P1D.')
@minLength(3)
@maxLength(20)
param catchUpInterval string = 'PT10M'

@description('When mailboxes are reconciled: NCRONTAB with six fields, in UTC.')
@minLength(11)
@maxLength(100)
param reconcileSchedule string = '0 * * * * *'

@description('When subscriptions are renewed: NCRONTAB with six fields, in UTC.')
@minLength(11)
@maxLength(100)
param renewSchedule string = '0 */30 * * * *'

// ---- Who may reach it

@description('Address at which Graph reaches the app when it is not the app\'s own host name, such as a custom domain; starts with https://.')
@maxLength(200)
param publicBaseUrl string = ''

@description('Audience that tokens for the admin routes must carry, in addition to the function key.')
@maxLength(200)
param adminAudience string = ''

@description('App role that tokens for the admin routes must carry; needs adminAudience.')
@maxLength(120)
param adminRole string = ''

@description('Object id of the CRM\'s identity, which may then receive from the CRM queue; empty when the CRM gets its rights elsewhere.')
@maxLength(36)
param crmPrincipalId string = ''

@description('Kind of the CRM\'s identity.')
@allowed(['ServicePrincipal', 'Group', 'User'])
param crmPrincipalType string = 'ServicePrincipal'

@description('Whether the CRM\'s identity may also read the claim checks: large bodies, raw mails, attachments.')
param crmReadsMailContent bool = false

@description('Address that alerts are mailed to: dead letters, a backlog, refused notifications. Empty: they are only shown in the portal.')
@maxLength(320)
param alertEmail string = ''

// ---- Names

var allTags = union({ application: 'graph-mail-ingest' }, tags)
var unique = uniqueString(subscription().id, resourceGroup().id, namePrefix)
var baseName = '${toLower(namePrefix)}-${unique}'
var storageName = 'st${take(replace(toLower(namePrefix), '-', ''), 9)}${unique}'

var queues = loadJsonContent('queues.json')
var workQueueName = 'mailbox-work'
var crmQueueName = 'crm-mail'

var packageContainer = 'app-package'
var mailContentContainer = 'mail-content'
var keyRingContainer = 'key-ring'

// `accountName` makes the host use the public cloud's storage suffix; elsewhere it is told whole addresses.
var hostStorage = environment().name == 'AzureCloud'
  ? { AzureWebJobsStorage__accountName: storageName }
  : {
      AzureWebJobsStorage__blobServiceUri: 'https://${storageName}.blob.${environment().suffixes.storage}'
      AzureWebJobsStorage__queueServiceUri: 'https://${storageName}.queue.${environment().suffixes.storage}'
      AzureWebJobsStorage__tableServiceUri: 'https://${storageName}.table.${environment().suffixes.storage}'
    }

// ---- Resources. The identity has its roles before the app exists, so the first start finds every door open.

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${baseName}'
  location: location
  tags: allTags
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    tags: allTags
    workspaceName: 'log-${baseName}'
    componentName: 'appi-${baseName}'
    retentionDays: logRetentionDays
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    location: location
    tags: allTags
    accountName: storageName
    skuName: storageSku
    containerNames: [packageContainer, mailContentContainer, keyRingContainer]
    tableNames: ['watchedFolders', 'deliveries']
  }
}

module serviceBus 'modules/service-bus.bicep' = {
  name: 'service-bus'
  params: {
    location: location
    tags: allTags
    namespaceName: 'sb-${baseName}'
    queues: queues
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  params: {
    appPrincipalId: identity.properties.principalId
    crmPrincipalId: crmPrincipalId
    crmPrincipalType: crmPrincipalType
    crmReadsMailContent: crmReadsMailContent
    storageAccountName: storage.outputs.accountName
    mailContentContainer: mailContentContainer
    namespaceName: serviceBus.outputs.namespaceName
    workQueueName: workQueueName
    crmQueueName: crmQueueName
    componentName: monitoring.outputs.componentName
  }
}

module functionApp 'modules/function-app.bicep' = {
  name: 'function-app'
  dependsOn: [roles]
  params: {
    location: location
    tags: allTags
    planName: 'plan-${baseName}'
    appName: 'func-${baseName}'
    identityId: identity.id
    packageContainerUrl: '${storage.outputs.blobEndpoint}${packageContainer}'
    nodeVersion: nodeVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    httpAlwaysReady: httpAlwaysReady
    httpPerInstanceConcurrency: httpPerInstanceConcurrency
    // No value here is a secret, and an empty one counts as not set.
    appSettings: {
      ...hostStorage
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.properties.clientId
      DataStorage__tableServiceUri: 'https://${storageName}.table.${environment().suffixes.storage}'
      DataStorage__blobServiceUri: 'https://${storageName}.blob.${environment().suffixes.storage}'
      ServiceBus__fullyQualifiedNamespace: serviceBus.outputs.hostName
      ServiceBus__credential: 'managedidentity'
      ServiceBus__clientId: identity.properties.clientId
      WORK_QUEUE: workQueueName
      CRM_QUEUE: crmQueueName
      PUBLIC_BASE_URL: publicBaseUrl
      // A managed identity gets tokens in its own tenant only.
      TENANT_ID: tenant().tenantId
      AZURE_CLOUD: azureCloud
      AZURE_CLIENT_ID: identity.properties.clientId
      MAILBOXES: mailboxes
      MAILBOX_GROUP_ID: mailboxGroupId
      MAIL_FOLDERS: mailFolders
      CATCH_UP_INTERVAL: catchUpInterval
      RECONCILE_SCHEDULE: reconcileSchedule
      RENEW_SCHEDULE: renewSchedule
      INCLUDE_MIME: includeMime ? 'true' : 'false'
      INCLUDE_ATTACHMENTS: includeAttachments ? 'true' : 'false'
      CHANGE_TYPES: 'created'
      ADMIN_AUDIENCE: adminAudience
      ADMIN_ROLE: adminRole
      APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.telemetryAddress
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
    }
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    tags: allTags
    baseName: baseName
    namespaceName: serviceBus.outputs.namespaceName
    appName: functionApp.outputs.appName
    alertEmail: alertEmail
  }
}

@description('Name of the function app: where the zip goes.')
output functionAppName string = functionApp.outputs.appName

@description('Root address of the app.')
output functionAppUrl string = 'https://${functionApp.outputs.hostName}'

@description('Object id of the app\'s identity: what Graph permissions and the Exchange scope are given to.')
output identityPrincipalId string = identity.properties.principalId

@description('Application id of the app\'s identity.')
output identityClientId string = identity.properties.clientId

@description('Host name of the Service Bus namespace that the CRM reads from.')
output serviceBusHostName string = serviceBus.outputs.hostName

@description('Name of the queue that the CRM reads.')
output crmQueueName string = crmQueueName

@description('Name of the storage account.')
output storageAccountName string = storage.outputs.accountName
