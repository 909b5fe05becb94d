// What another program needs to know: the app's settings, by the names that Azure uses too, and where everything listens.
// The form of a setting decides what it means, so the app needs no local branch.

/** The content of the settings file (`--settings-out`). */
export type EnvironmentSettings = {
  /** Settings for the host, by the names of the app. */
  env: Record<string, string>;
  functionsUrl: string;
  graphUrl: string;
  serviceBusConnectionString: string;
  storageConnectionString: string;
  tenantId: string;
  mailboxes: { id: string; address: string }[];
  /** Counters, reset and faults of the whole environment; see the README of this folder. */
  controlUrl: string;
};

/** What the settings are made of. */
export type SettingsSource = Omit<EnvironmentSettings, 'env'> & { identityEndpoint: string; identityHeader: string };

/** Makes the settings of a running environment. */
export function makeEnvironmentSettings(source: SettingsSource): EnvironmentSettings {
  const { identityEndpoint, identityHeader, ...rest } = source;
  const env = {
    FUNCTIONS_WORKER_RUNTIME: 'node',
    AzureWebJobsStorage: rest.storageConnectionString,
    DataStorage: rest.storageConnectionString,
    ServiceBus: rest.serviceBusConnectionString,
    WORK_QUEUE: 'mailbox-work',
    CRM_QUEUE: 'crm-mail',
    PUBLIC_BASE_URL: rest.functionsUrl,
    TENANT_ID: rest.tenantId,
    GRAPH_BASE_URL: rest.graphUrl,
    IDENTITY_ENDPOINT: identityEndpoint,
    IDENTITY_HEADER: identityHeader,
    MAILBOXES: rest.mailboxes.map(({ address }) => address).join(','),
  };
  return { env, ...rest };
}
