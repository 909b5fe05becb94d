// The namespace and its queues. Standard is the lowest tier with duplicate detection.

@description('Region of the namespace.')
param location string

@description('Tags put on the namespace.')
param tags object

@description('Name of the namespace, unique in the whole cloud.')
@minLength(6)
@maxLength(50)
param namespaceName string

@description('Queues to create: a name and the properties of each.')
@minLength(1)
param queues { name: string, properties: object }[]

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: namespaceName
  location: location
  tags: tags
  sku: {
    name: 'Standard'
    tier: 'Standard'
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

resource queueResources 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [
  for queue in queues: {
    parent: namespace
    name: queue.name
    properties: queue.properties
  }
]

@description('Name of the namespace.')
output namespaceName string = namespace.name

@description('Host name of the namespace; the suffix differs between clouds, so it is read from the resource.')
output hostName string = split(replace(namespace.properties.serviceBusEndpoint, 'https://', ''), ':')[0]
