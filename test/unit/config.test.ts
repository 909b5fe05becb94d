import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { APP_SETTINGS, HOST_SETTINGS, loadConfig } from '../../shared/config.ts';

const sample = z
  .object({ Values: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(new URL('../../local.settings.sample.json', import.meta.url), 'utf8'))).Values;

const good = {
  DataStorage: 'UseDevelopmentStorage=true',
  ServiceBus: 'Endpoint=sb://bus.northwind.example/;SharedAccessKeyName=k;SharedAccessKey=s',
  PUBLIC_BASE_URL: 'https://ingest.northwind.example/',
  TENANT_ID: '5f2b1c6e-8a43-4d0b-9c57-1e6f0a9d3b24',
  MAILBOXES: 'sales@northwind.example',
};

const load = (changes: Record<string, string | undefined>) => loadConfig({ ...good, ...changes });
const faulty = (changes: Record<string, string | undefined>) => {
  const loaded = load(changes);
  return loaded.ok ? [] : [...new Set(loaded.problems.map(({ setting }) => setting))];
};
const configOf = (changes: Record<string, string | undefined> = {}) => {
  const loaded = load(changes);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
};

describe('the sample settings', () => {
  it('name every setting but those that the platform sets', () => {
    const named = Object.keys(sample);
    const wanted = [...APP_SETTINGS, ...HOST_SETTINGS].filter((name) => name !== 'WEBSITE_HOSTNAME');
    expect(
      wanted.filter((name) => !named.includes(name)),
      'add these to local.settings.sample.json',
    ).toEqual([]);
    const read = [...wanted, 'FUNCTIONS_WORKER_RUNTIME'];
    expect(
      named.filter((name) => !read.includes(name)),
      'nobody reads these',
    ).toEqual([]);
  });

  it('work as they are', () => {
    expect(loadConfig(sample)).toMatchObject({ ok: true });
  });
});

describe('settings that are wrong', () => {
  it('are listed all at once [F78]', () => {
    const loaded = loadConfig({
      DataStorage: 'nonsense',
      ServiceBus: 'nonsense',
      TENANT_ID: 'contoso',
      AZURE_CLOUD: 'mars',
      CATCH_UP_INTERVAL: '10 minutes',
      MAILBOXES: 'not an address',
      GRAPH_CLIENT_SECRET: 'topsecret',
    });
    expect(loaded.ok ? [] : loaded.problems.map(({ setting }) => setting).toSorted()).toEqual(
      [
        'AZURE_CLOUD',
        'CATCH_UP_INTERVAL',
        'DataStorage',
        'GRAPH_CLIENT_ID',
        'MAILBOXES',
        'PUBLIC_BASE_URL',
        'ServiceBus',
        'TENANT_ID',
      ].toSorted(),
    );
  });

  it('are never quoted, since a value may be a secret [T17]', () => {
    const secrets = Object.fromEntries(APP_SETTINGS.map((name) => [name, `canary-${name}`]));
    expect(JSON.stringify(loadConfig(secrets))).not.toContain('canary-');
  });

  it.each([
    ['DataStorage', undefined],
    ['DataStorage', ''],
    ['DataStorage', 'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=k'],
    [
      'DataStorage',
      'AccountName=a;AccountKey=k;TableEndpoint=http://10.0.0.5:10002/a;BlobEndpoint=http://10.0.0.5:10000/a',
    ],
    ['DataStorage', 'AccountName=a;AccountKey=k;TableEndpoint=http://127.0.0.1.evil.example/a'],
    ['ServiceBus', undefined],
    ['ServiceBus', '   '],
    ['ServiceBus', 'Endpoint=sb://bus.northwind.example/'],
    ['ServiceBus', 'Endpoint=sb://10.0.0.5;SharedAccessKeyName=k;SharedAccessKey=s;UseDevelopmentEmulator=true;'],
    ['PUBLIC_BASE_URL', undefined],
    ['PUBLIC_BASE_URL', 'http://ingest.northwind.example'],
    ['PUBLIC_BASE_URL', 'ingest.northwind.example'],
    ['TENANT_ID', undefined],
    ['TENANT_ID', 'northwind.onmicrosoft.com'],
    ['MAILBOXES', undefined],
    ['MAILBOXES', 'sales@northwind.example,../../users'],
    ['MAILBOXES', 'sales@northwind.example?$select=id'],
    ['MAIL_FOLDERS', ','],
    ['MAILBOX_GROUP_ID', 'sales'],
    ['AZURE_CLOUD', 'Global'],
    ['GRAPH_BASE_URL', 'https://graph.northwind.example'],
    ['GRAPH_BASE_URL', 'http://graph.northwind.example/v1.0'],
    ['GRAPH_BASE_URL', 'http://127.0.0.1@evil.example/v1.0'],
    ['GRAPH_AUTHORITY_METADATA', '{'],
    ['GRAPH_AUTHORITY_METADATA', '{"token_endpoint":"http://evil.example/token"}'],
    ['GRAPH_CLIENT_ID', 'app'],
    ['AZURE_CLIENT_ID', 'app'],
    ['CATCH_UP_INTERVAL', 'PT0S'],
    ['CATCH_UP_INTERVAL', 'P2D'],
    ['CATCH_UP_INTERVAL', 'P'],
    ['RECONCILE_SCHEDULE', 'every minute'],
    ['RENEW_SCHEDULE', '* * *'],
    ['INCLUDE_MIME', 'yes'],
    ['INCLUDE_ATTACHMENTS', 'TRUE'],
    ['CHANGE_TYPES', 'created,updated'],
    ['WORK_QUEUE', '%WORK%'],
    ['CRM_QUEUE', 'a b'],
  ])('such as %s = %j are named [F78]', (setting, value) => {
    expect(faulty({ [setting]: value })).toEqual([setting]);
  });

  it('that belong together are named together [F78]', () => {
    expect(faulty({ DataStorage: undefined, DataStorage__tableServiceUri: 'https://t.example' })).toEqual([
      'DataStorage__blobServiceUri',
    ]);
    expect(faulty({ DataStorage: undefined, DataStorage__blobServiceUri: 'https://b.example' })).toEqual([
      'DataStorage__tableServiceUri',
    ]);
    expect(faulty({ GRAPH_CLIENT_SECRET: 's' })).toEqual(['GRAPH_CLIENT_ID']);
    expect(faulty({ ADMIN_ROLE: 'Admin' })).toEqual(['ADMIN_AUDIENCE']);
    const pem =
      '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----';
    expect(
      faulty({ GRAPH_CLIENT_ID: good.TENANT_ID, GRAPH_CLIENT_SECRET: 's', GRAPH_CLIENT_CERTIFICATE: pem }),
    ).toContain('GRAPH_CLIENT_SECRET');
  });

  it('say how to mend them', () => {
    const loaded = loadConfig({});
    expect(loaded.ok).toBe(false);
    for (const { problem } of loaded.ok ? [] : loaded.problems) expect(problem).toMatch(/^(is missing: |must )/);
  });
});

describe('settings that are right', () => {
  it('have the defaults that the documentation names', () => {
    expect(configOf()).toMatchObject({
      workQueue: 'mailbox-work',
      crmQueue: 'crm-mail',
      publicBaseUrl: 'https://ingest.northwind.example',
      cloud: 'global',
      graphBaseUrl: 'https://graph.microsoft.com/v1.0',
      folderNames: ['inbox'],
      catchUpMs: 600_000,
      includeMime: false,
      includeAttachments: false,
      credential: { kind: 'managed-identity' },
      reconcileSchedule: '0 * * * * *',
      renewSchedule: '0 */30 * * * *',
    });
  });

  it('may be empty, which counts as not set', () => {
    const empty = Object.fromEntries(APP_SETTINGS.filter((name) => !(name in good)).map((name) => [name, ' ']));
    expect(configOf(empty)).toEqual(configOf());
  });

  it.each([
    ['usgov', 'https://graph.microsoft.us/v1.0'],
    ['usgovdod', 'https://dod-graph.microsoft.us/v1.0'],
    ['china', 'https://microsoftgraph.chinacloudapi.cn/v1.0'],
  ])('choose the cloud %s with its own roots', (cloud, root) => {
    expect(configOf({ AZURE_CLOUD: cloud }).graphBaseUrl).toBe(root);
  });

  it('allow plain http to this machine [T33]', () => {
    for (const host of ['localhost', '127.0.0.1', '127.8.9.1', '[::1]'])
      expect(configOf({ GRAPH_BASE_URL: `http://${host}:7072/v1.0` }).graphBaseUrl).toContain(host);
  });

  it('take the public address from the platform when none is set', () => {
    const host = { PUBLIC_BASE_URL: undefined, WEBSITE_HOSTNAME: 'ingest.azurewebsites.net' };
    expect(configOf(host).publicBaseUrl).toBe('https://ingest.azurewebsites.net');
    expect(configOf({ ...host, WEBSITE_HOSTNAME: 'localhost:7071' }).publicBaseUrl).toBe('http://localhost:7071');
  });

  it('choose the credential by what is there', () => {
    const id = { GRAPH_CLIENT_ID: good.TENANT_ID };
    expect(configOf(id).credential.kind).toBe('federated');
    expect(configOf({ ...id, GRAPH_CLIENT_SECRET: 's' }).credential.kind).toBe('secret');
  });
});
