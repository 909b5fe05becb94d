// A sample: copy it, put in your own mailboxes, and keep the copy. It holds no secret, so it may be committed.
using 'main.bicep'

param namePrefix = 'mailingest'
param tags = {
  environment: 'production'
}

// Addresses or object ids, comma separated; or name a group with mailboxGroupId.
param mailboxes = 'sales@contoso.example,support@contoso.example'
param mailFolders = 'inbox'

// 0 in a trial: cheaper, but the first notification then waits for a cold start.
param httpAlwaysReady = 1
