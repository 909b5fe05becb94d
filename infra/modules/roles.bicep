// Every right that the app and the CRM get on the data: this file is the whole list. Each is scoped to the one resource it is for.

@description('Object id of the app\'s managed identity.')
@minLength(36)
@maxLength(36)
param appPrincipalId string

@description('Object id of the CRM\'s identity; empty when the CRM gets its rights elsewhere.')
@maxLength(36)
param crmPrincipalId string

@description('Kind of the CRM\'s identity.')
@allowed(['ServicePrincipal', 'Group', 'User'])
param crmPrincipalType string

@description('Whether the CRM\'s identity may also read the claim checks.')
param crmReadsMailContent bool

@description('Name of the storage account.')
param storageAccountName string

@description('Name of the container with the claim checks.')
param mailContentContainer string

@description('Name of the Service Bus namespace.')
param namespaceName string

@description('Name of the queue of rings.')
param workQueueName string

@description('Name of the queue that the CRM reads.')
param crmQueueName string

@description('Name of the Application Insights component.')
param componentName string

var roleIds = {
  reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7'
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  storageBlobDataReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  storageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  serviceBusDataSender: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
  serviceBusDataReceiver: '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}

resource storageAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: storageAccount
  name: 'default'
}

resource mailContent 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  parent: blobService
  name: mailContentContainer
}

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource workQueue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' existing = {
  parent: namespace
  name: workQueueName
}

resource crmQueue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' existing = {
  parent: namespace
  name: crmQueueName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

// The names contain the principal, because the principal of an existing assignment cannot be changed: an identity
// that was deleted and made again gets new assignments instead of an error.

// The Functions host needs Owner on the account for its locks and keys; the package, the claim checks and the key ring live there too.
resource appOwnsBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storageAccount
  name: guid(storageAccount.id, appPrincipalId, roleIds.storageBlobDataOwner)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageBlobDataOwner)
  }
}

resource appWritesTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storageAccount
  name: guid(storageAccount.id, appPrincipalId, roleIds.storageTableDataContributor)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageTableDataContributor)
  }
}

resource appSendsRings 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workQueue
  name: guid(workQueue.id, appPrincipalId, roleIds.serviceBusDataSender)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.serviceBusDataSender)
  }
}

// Receiving covers the dead-letter sub-queue of the same queue, which reconcile-mailboxes drains.
resource appReceivesRings 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workQueue
  name: guid(workQueue.id, appPrincipalId, roleIds.serviceBusDataReceiver)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.serviceBusDataReceiver)
  }
}

resource appSendsMailEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: crmQueue
  name: guid(crmQueue.id, appPrincipalId, roleIds.serviceBusDataSender)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.serviceBusDataSender)
  }
}

// Scaling asks for the length of the queue. Reader allows that and gives no message away; without it scaling sees one waiting message at most.
resource appReadsQueueLengths 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: namespace
  name: guid(namespace.id, appPrincipalId, roleIds.reader)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.reader)
  }
}

resource appPublishesTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: component
  name: guid(component.id, appPrincipalId, roleIds.monitoringMetricsPublisher)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.monitoringMetricsPublisher)
  }
}

resource crmReceivesMailEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(crmPrincipalId)) {
  scope: crmQueue
  name: guid(crmQueue.id, crmPrincipalId, roleIds.serviceBusDataReceiver)
  properties: {
    principalId: crmPrincipalId
    principalType: crmPrincipalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.serviceBusDataReceiver)
  }
}

resource crmReadsClaimChecks 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(crmPrincipalId) && crmReadsMailContent) {
  scope: mailContent
  name: guid(mailContent.id, crmPrincipalId, roleIds.storageBlobDataReader)
  properties: {
    principalId: crmPrincipalId
    principalType: crmPrincipalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageBlobDataReader)
  }
}
