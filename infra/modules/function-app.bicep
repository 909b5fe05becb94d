// The Flex Consumption plan and the function app on it. The code arrives afterwards, as a zip.

@description('Region of the plan and the app.')
param location string

@description('Tags put on the plan and the app.')
param tags object

@description('Name of the plan.')
@minLength(1)
@maxLength(60)
param planName string

@description('Name of the app, unique in the whole cloud. The host derives its own id from the first 32 characters.')
@minLength(2)
@maxLength(32)
param appName string

@description('Resource id of the user-assigned identity that the app runs as.')
param identityId string

@description('Address of the blob container that holds the deployment package.')
param packageContainerUrl string

@description('Major version of Node.')
@allowed(['24', '22'])
param nodeVersion string

@description('Memory of an instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int

@description('Most instances at a time.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int

@description('Instances of the HTTP functions that are kept warm.')
@minValue(0)
@maxValue(20)
param httpAlwaysReady int

@description('HTTP requests that one instance takes at a time.')
@minValue(1)
@maxValue(1000)
param httpPerInstanceConcurrency int

@description('All app settings; on every deployment they replace what is there.')
param appSettings object

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: appName
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    // Microsoft Graph delivers from the public network only.
    publicNetworkAccess: 'Enabled'
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'node'
        version: nodeVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: httpAlwaysReady == 0 ? [] : [{ name: 'http', instanceCount: httpAlwaysReady }]
        triggers: { http: { perInstanceConcurrency: httpPerInstanceConcurrency } }
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: appSettings
}

resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

@description('Name of the app.')
output appName string = app.name

@description('Host name of the app.')
output hostName string = app.properties.defaultHostName
