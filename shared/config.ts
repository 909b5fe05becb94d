import * as z from 'zod';
import {
  certificate,
  duration,
  flag,
  guid,
  isLoopback,
  leavesMachineInTheClear,
  list,
  mailbox,
  metadata,
  name,
  schedule,
  url,
} from './setting-values.ts';

/** How a namespace or account is reached: the form of the setting decides, never an environment's name. */
export type Access<T> = { kind: 'connection-string'; connectionString: string } | ({ kind: 'identity' } & T);

export type Credential =
  | { kind: 'managed-identity' }
  | { kind: 'secret'; secret: string }
  | { kind: 'certificate'; pem: string }
  | { kind: 'federated' };

export interface Config {
  storage: Access<{ tableServiceUri: string; blobServiceUri: string }>;
  serviceBus: Access<{ fullyQualifiedNamespace: string }>;
  workQueue: string;
  crmQueue: string;
  /** Without a trailing slash. */
  publicBaseUrl: string;
  tenant: string;
  cloud: keyof typeof CLOUDS;
  /** Ends in `/v1.0`. */
  graphBaseUrl: string;
  loginRoot: string;
  authorityMetadata: string | undefined;
  /** Application (client) id for Graph; `undefined` for a managed identity of its own. */
  clientId: string | undefined;
  credential: Credential;
  /** Picks the user-assigned identity. */
  identityClientId: string | undefined;
  mailboxes: string[];
  groupId: string | undefined;
  folderNames: string[];
  catchUpMs: number;
  includeMime: boolean;
  includeAttachments: boolean;
  admin: { audience: string; role: string | undefined } | undefined;
  reconcileSchedule: string;
  renewSchedule: string;
}

/** One faulty setting: what is wrong and how to mend it. Never holds the value, which may be a secret. */
export interface SettingProblem {
  setting: string;
  problem: string;
}

export type LoadedConfig = { ok: true; config: Config } | { ok: false; problems: SettingProblem[] };

/** Graph and login roots of the national clouds (deployments page). */
export const CLOUDS = {
  global: { graph: 'https://graph.microsoft.com', login: 'https://login.microsoftonline.com' },
  usgov: { graph: 'https://graph.microsoft.us', login: 'https://login.microsoftonline.us' },
  usgovdod: { graph: 'https://dod-graph.microsoft.us', login: 'https://login.microsoftonline.us' },
  china: { graph: 'https://microsoftgraph.chinacloudapi.cn', login: 'https://login.chinacloudapi.cn' },
} as const;

/** Every setting that is read; an empty value counts as not set. */
const settingsSchema = z.object({
  DataStorage: z.string().optional(),
  DataStorage__tableServiceUri: url.optional(),
  DataStorage__blobServiceUri: url.optional(),
  ServiceBus: z.string().optional(),
  ServiceBus__fullyQualifiedNamespace: z
    .string()
    .regex(/^[\w.-]+$/, 'must be a host name')
    .optional(),
  ServiceBus__clientId: z.string().optional(),
  ServiceBus__credential: z.literal('managedidentity', 'must be managedidentity').optional(),
  WORK_QUEUE: name.default('mailbox-work'),
  CRM_QUEUE: name.default('crm-mail'),
  PUBLIC_BASE_URL: url.optional(),
  WEBSITE_HOSTNAME: z.string().optional(),
  TENANT_ID: guid,
  AZURE_CLOUD: z
    .enum(['global', 'usgov', 'usgovdod', 'china'], 'must be global, usgov, usgovdod or china')
    .default('global'),
  GRAPH_BASE_URL: url.refine((value) => value.endsWith('/v1.0'), 'must end in /v1.0').optional(),
  GRAPH_AUTHORITY_METADATA: metadata.optional(),
  GRAPH_CLIENT_ID: guid.optional(),
  GRAPH_CLIENT_SECRET: z.string().optional(),
  GRAPH_CLIENT_CERTIFICATE: certificate.optional(),
  AZURE_CLIENT_ID: guid.optional(),
  IDENTITY_ENDPOINT: z.string().optional(),
  IDENTITY_HEADER: z.string().optional(),
  MAILBOXES: list
    .refine((names) => names.every((item) => mailbox.test(item)), 'must be addresses or object ids, comma separated')
    .default([]),
  MAILBOX_GROUP_ID: guid.optional(),
  MAIL_FOLDERS: list.refine((names) => names.length > 0, 'must name at least one folder').default(['inbox']),
  CATCH_UP_INTERVAL: duration.default(600_000),
  RECONCILE_SCHEDULE: schedule.default('0 * * * * *'),
  RENEW_SCHEDULE: schedule.default('0 */30 * * * *'),
  INCLUDE_MIME: flag.default(false),
  INCLUDE_ATTACHMENTS: flag.default(false),
  CHANGE_TYPES: z.literal('created', 'must be created: other change types are not supported yet').default('created'),
  ADMIN_AUDIENCE: z.string().optional(),
  ADMIN_ROLE: z.string().optional(),
});
type Settings = z.infer<typeof settingsSchema>;

/** The host's own settings, which this app does not read but a deployment needs. */
export const HOST_SETTINGS = ['AzureWebJobsStorage'] as const;
export const APP_SETTINGS: readonly string[] = Object.keys(settingsSchema.shape);

/**
 * Reads the settings; never throws. Everything that is wrong is listed at once, so that one look at `/api/health`
 * is enough to mend it.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): LoadedConfig {
  const present = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
  const problems: SettingProblem[] = [];
  const report = (setting: string, problem: string) => problems.push({ setting, problem });

  const parsed = settingsSchema.safeParse(present);
  if (!parsed.success)
    for (const issue of parsed.error.issues) {
      const setting = String(issue.path[0]);
      report(setting, setting in present ? issue.message : `is missing: ${issue.message}`);
    }
  // Rules that span settings are checked on what can be read, so that they are listed together with the rest.
  const settings: Partial<Settings> = parsed.success ? parsed.data : present;

  const storage = readStorage(settings, report);
  const serviceBus = readServiceBus(settings, report);
  const publicBaseUrl = readPublicBaseUrl(settings, report);
  const credential = readCredential(settings, report);
  if (!present.MAILBOXES && !present.MAILBOX_GROUP_ID)
    report('MAILBOXES', 'is missing: name mailboxes here, or a group in MAILBOX_GROUP_ID');
  const { WORK_QUEUE: workQueue = 'mailbox-work', CRM_QUEUE: crmQueue = 'crm-mail' } = settings;
  if (workQueue.toLowerCase() === crmQueue.toLowerCase())
    report('CRM_QUEUE', 'must not be the work queue: mail events would be taken for work');
  if (present.ADMIN_ROLE && !present.ADMIN_AUDIENCE) report('ADMIN_AUDIENCE', 'is missing: ADMIN_ROLE needs it');

  if (!parsed.success || problems.length > 0 || !storage || !serviceBus || !publicBaseUrl || !credential)
    return { ok: false, problems };
  const { data } = parsed;
  const cloud = CLOUDS[data.AZURE_CLOUD];
  return {
    ok: true,
    config: {
      storage,
      serviceBus,
      workQueue: data.WORK_QUEUE,
      crmQueue: data.CRM_QUEUE,
      publicBaseUrl,
      tenant: data.TENANT_ID,
      cloud: data.AZURE_CLOUD,
      graphBaseUrl: data.GRAPH_BASE_URL ?? `${cloud.graph}/v1.0`,
      loginRoot: cloud.login,
      authorityMetadata: data.GRAPH_AUTHORITY_METADATA,
      clientId: data.GRAPH_CLIENT_ID,
      credential,
      identityClientId: data.AZURE_CLIENT_ID ?? data.ServiceBus__clientId,
      mailboxes: data.MAILBOXES,
      groupId: data.MAILBOX_GROUP_ID,
      folderNames: data.MAIL_FOLDERS,
      catchUpMs: data.CATCH_UP_INTERVAL,
      includeMime: data.INCLUDE_MIME,
      includeAttachments: data.INCLUDE_ATTACHMENTS,
      admin: data.ADMIN_AUDIENCE ? { audience: data.ADMIN_AUDIENCE, role: data.ADMIN_ROLE } : undefined,
      reconcileSchedule: data.RECONCILE_SCHEDULE,
      renewSchedule: data.RENEW_SCHEDULE,
    },
  };
}

type Report = (setting: string, problem: string) => void;

function readStorage(settings: Partial<Settings>, report: Report): Config['storage'] | undefined {
  const { DataStorage: connectionString } = settings;
  if (connectionString) {
    if (leavesMachineInTheClear(connectionString)) {
      report('DataStorage', 'must use https: http is only for an emulator on this machine');
      return undefined;
    }
    if (
      /^UseDevelopmentStorage=true;?$/i.test(connectionString) ||
      /(^|;)(AccountName|TableEndpoint)=/i.test(connectionString)
    )
      return { kind: 'connection-string', connectionString };
    report('DataStorage', 'must be a storage connection string');
    return undefined;
  }
  const { DataStorage__tableServiceUri: tableServiceUri, DataStorage__blobServiceUri: blobServiceUri } = settings;
  if (tableServiceUri && blobServiceUri) return { kind: 'identity', tableServiceUri, blobServiceUri };
  if (tableServiceUri) report('DataStorage__blobServiceUri', 'is missing: DataStorage__tableServiceUri needs it');
  else if (blobServiceUri) report('DataStorage__tableServiceUri', 'is missing: DataStorage__blobServiceUri needs it');
  else
    report(
      'DataStorage',
      'is missing: a connection string, or DataStorage__tableServiceUri and DataStorage__blobServiceUri',
    );
  return undefined;
}

function readServiceBus(settings: Partial<Settings>, report: Report): Config['serviceBus'] | undefined {
  const { ServiceBus: connectionString, ServiceBus__fullyQualifiedNamespace: fullyQualifiedNamespace } = settings;
  if (connectionString) {
    if (leavesMachineInTheClear(connectionString)) {
      report('ServiceBus', 'must not have UseDevelopmentEmulator=true: that is only for an emulator on this machine');
      return undefined;
    }
    if (/(^|;)\s*Endpoint=sb:\/\/[^;]+/i.test(connectionString) && /(^|;)\s*SharedAccessKey/i.test(connectionString))
      return { kind: 'connection-string', connectionString };
    report('ServiceBus', 'must be a namespace connection string with Endpoint and SharedAccessKey');
    return undefined;
  }
  if (fullyQualifiedNamespace) return { kind: 'identity', fullyQualifiedNamespace };
  report('ServiceBus', 'is missing: a connection string, or ServiceBus__fullyQualifiedNamespace');
  return undefined;
}

function readPublicBaseUrl(settings: Partial<Settings>, report: Report): string | undefined {
  if (settings.PUBLIC_BASE_URL) return settings.PUBLIC_BASE_URL.replace(/\/+$/, '');
  const host = settings.WEBSITE_HOSTNAME;
  if (!host) {
    report('PUBLIC_BASE_URL', 'is missing: the https address under which Graph reaches this app');
    return undefined;
  }
  return isLoopback(host.split(':')[0] ?? '') ? `http://${host}` : `https://${host}`;
}

function readCredential(settings: Partial<Settings>, report: Report): Credential | undefined {
  const { GRAPH_CLIENT_ID, GRAPH_CLIENT_SECRET: secret, GRAPH_CLIENT_CERTIFICATE: pem } = settings;
  if (secret && pem)
    report('GRAPH_CLIENT_SECRET', 'must not be set together with GRAPH_CLIENT_CERTIFICATE: choose one');
  if ((secret || pem) && !GRAPH_CLIENT_ID)
    report('GRAPH_CLIENT_ID', 'is missing: a secret or certificate belongs to an application');
  if (secret) return { kind: 'secret', secret };
  if (pem) return { kind: 'certificate', pem };
  return GRAPH_CLIENT_ID ? { kind: 'federated' } : { kind: 'managed-identity' };
}
