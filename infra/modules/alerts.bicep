// What somebody has to know before users tell them. Each alert names the reading that answers it.

@description('Tags put on all resources.')
param tags object

@description('Start of the names.')
param baseName string

@description('Namespace whose queues are watched.')
param namespaceName string

@description('Function app whose answers are watched.')
param appName string

@description('Address that alerts are mailed to; empty: they are only shown in the portal.')
param alertEmail string

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource readers 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(alertEmail)) {
  name: 'ag-${baseName}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'mail-ingest'
    emailReceivers: [{ name: 'operators', emailAddress: alertEmail, useCommonAlertSchema: true }]
  }
}

var actions = empty(alertEmail) ? [] : [{ actionGroupId: readers.id }]

var alerts = [
  {
    name: 'dead-letters'
    description: 'Mail events or work items lie among the dead letters. Work items ring again by themselves; mail events wait for the CRM or an operator.'
    scope: namespace.id
    kind: 'Microsoft.ServiceBus/namespaces'
    metric: 'DeadletteredMessages'
    aggregation: 'Maximum'
    threshold: 0
    byQueue: true
  }
  {
    name: 'backlog'
    description: 'Messages pile up: the CRM does not read crm-mail, or no worker takes mailbox-work. Nothing is lost while they wait.'
    scope: namespace.id
    kind: 'Microsoft.ServiceBus/namespaces'
    metric: 'ActiveMessages'
    aggregation: 'Minimum'
    threshold: 5000
    byQueue: true
  }
  {
    name: 'refused-notifications'
    description: 'The app answers with 5xx: see /api/health for faulty settings, then Service Bus. Graph sends notifications again for four hours, and catch-up brings the rest.'
    scope: app.id
    kind: 'Microsoft.Web/sites'
    metric: 'Http5xx'
    aggregation: 'Total'
    threshold: 10
    byQueue: false
  }
]

resource rules 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for alert in alerts: {
    name: '${alert.name}-${baseName}'
    location: 'global'
    tags: tags
    properties: {
      description: alert.description
      severity: 2
      enabled: true
      scopes: [alert.scope]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            name: alert.name
            criterionType: 'StaticThresholdCriterion'
            metricNamespace: alert.kind
            metricName: alert.metric
            operator: 'GreaterThan'
            threshold: alert.threshold
            timeAggregation: alert.aggregation
            dimensions: alert.byQueue ? [{ name: 'EntityName', operator: 'Include', values: ['*'] }] : []
          }
        ]
      }
      actions: actions
    }
  }
]
