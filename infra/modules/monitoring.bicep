// Logs and telemetry, reached by identity only.

@description('Region of both resources.')
param location string

@description('Tags put on both resources.')
param tags object

@description('Name of the Log Analytics workspace.')
@minLength(4)
@maxLength(63)
param workspaceName string

@description('Name of the Application Insights component.')
@minLength(1)
@maxLength(255)
param componentName string

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param retentionDays int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    // With this on, the component's connection string opens nothing: it is an address, not a secret.
    DisableLocalAuth: true
  }
}

@description('Name of the Application Insights component.')
output componentName string = component.name

@description('Ingestion address of the component, in the form that the Functions host reads.')
output telemetryAddress string = component.properties.ConnectionString
