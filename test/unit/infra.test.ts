// What the templates promise, read from their text: rights, queues, no keys, and the same settings as the app.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { APP_SETTINGS, HOST_SETTINGS, loadConfig } from '../../shared/config.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const bicepFiles = readdirSync(new URL('../../infra/', import.meta.url), { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => /\.bicep(param)?$/.test(name))
  .map((name) => ({ name, text: read(`infra/${name}`) }));
const main = read('infra/main.bicep');

/** All app settings of main.bicep with the expression each gets: its only object keys that begin with a capital letter. */
const deployed = new Map(
  [...main.matchAll(/(?:^|\{)\s*([A-Z]\w+): ([^\n}]+)/gm)].map(([, name = '', value = '']) => [name, value.trim()]),
);

/** The literal behind an expression: its own, or that of the parameter or variable it names. */
function literalOf(expression: string): string | undefined {
  const literal = /^'([^'$]*)'$/.exec(expression)?.[1];
  if (literal !== undefined) return literal;
  const symbol = /^(\w+)(?: \? 'true' : 'false')?$/.exec(expression)?.[1];
  const declared =
    symbol && new RegExp(`^(?:param ${symbol} \\w+|var ${symbol}) = (?:'([^'$]*)'|(true|false))$`, 'm').exec(main);
  return declared ? (declared[1] ?? declared[2]) : undefined;
}

/** What the app reads but the template leaves out on purpose, and why. */
const notDeployed = new Map([
  ['AzureWebJobsStorage', 'a connection string; a deployment has identities'],
  ['DataStorage', 'a connection string; a deployment has identities'],
  ['ServiceBus', 'a connection string; a deployment has identities'],
  ['WEBSITE_HOSTNAME', 'set by the platform'],
  ['IDENTITY_ENDPOINT', 'set by the platform'],
  ['IDENTITY_HEADER', 'set by the platform'],
  ['GRAPH_BASE_URL', 'aims the app at something else than Microsoft Graph'],
  ['GRAPH_AUTHORITY_METADATA', 'aims the app at something else than Microsoft Entra'],
  ['GRAPH_CLIENT_ID', 'for an application of its own; a deployment uses its managed identity'],
  ['GRAPH_CLIENT_SECRET', 'for an application of its own; a deployment uses its managed identity'],
  ['GRAPH_CLIENT_CERTIFICATE', 'for an application of its own; a deployment uses its managed identity'],
]);

/** Whether only the Functions host reads it. */
const isForTheHost = (name: string) => /^(AzureWebJobsStorage__|APPLICATIONINSIGHTS_)/.test(name);

const queueList = z
  .array(z.object({ name: z.string(), properties: z.record(z.string(), z.unknown()) }))
  .parse(JSON.parse(read('infra/queues.json')));
const queues = new Map(queueList.map((queue) => [queue.name, queue.properties]));

describe('app settings', () => {
  test('every setting that the app reads is deployed, and nothing else', () => {
    const ofTheApp = [...deployed.keys()].filter((name) => !isForTheHost(name));
    const wanted = APP_SETTINGS.filter((name) => !notDeployed.has(name));
    expect(ofTheApp.toSorted()).toEqual(wanted.toSorted());
  });

  test('the list of what is left out names only settings that exist', () => {
    const known = [...APP_SETTINGS, ...HOST_SETTINGS];
    expect([...notDeployed.keys()].filter((name) => !known.includes(name))).toEqual([]);
  });

  test('the host reaches its storage and its telemetry by the same identity as the app', () => {
    const identity = 'identity.properties.clientId';
    for (const name of ['AzureWebJobsStorage__clientId', 'ServiceBus__clientId', 'AZURE_CLIENT_ID']) {
      expect(deployed.get(name), name).toBe(identity);
    }
    expect(deployed.get('APPLICATIONINSIGHTS_AUTHENTICATION_STRING')).toContain(`ClientId=\${${identity}`);
    expect(deployed.get('AzureWebJobsStorage__credential')).toBe("'managedidentity'");
    expect(deployed.get('AzureWebJobsStorage__accountName')).toBe('storageName');
  });

  test('the template’s defaults are those of the app', () => {
    const needed = {
      TENANT_ID: '00000000-0000-0000-0000-000000000001',
      MAILBOXES: 'sales@contoso.example',
      WEBSITE_HOSTNAME: 'app.example',
      ServiceBus__fullyQualifiedNamespace: 'bus.example',
      DataStorage__tableServiceUri: 'https://table.example',
      DataStorage__blobServiceUri: 'https://blob.example',
    };
    const defaults = [...deployed].map(([name, expression]) => [name, literalOf(expression)] as const);
    const given = Object.fromEntries(defaults.filter(([, value]) => value !== undefined && value !== ''));
    expect(Object.keys(given)).toEqual(expect.arrayContaining(['WORK_QUEUE', 'RENEW_SCHEDULE', 'INCLUDE_MIME']));
    const configured = loadConfig({ ...given, ...needed });
    expect(configured).toMatchObject({ ok: true });
    expect(configured).toEqual(loadConfig(needed));
  });

  test('none of the settings that Flex Consumption refuses is deployed', () => {
    const refused =
      /^(FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|WEBSITE_.*|SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD)$/;
    expect([...deployed.keys()].filter((name) => refused.test(name))).toEqual([]);
  });
});

describe('queues', () => {
  test('are the two that the app uses by default and that the template hands it', () => {
    expect([...queues.keys()]).toEqual(['mailbox-work', 'crm-mail']);
    expect(main).toContain("var queues = loadJsonContent('queues.json')");
    expect(literalOf('workQueueName')).toBe('mailbox-work');
    expect(literalOf('crmQueueName')).toBe('crm-mail');
  });

  test('mailbox-work detects no duplicates, because it would swallow needed rings', () => {
    expect(queues.get('mailbox-work')?.requiresDuplicateDetection).toBe(false);
  });

  test('crm-mail detects duplicates for seven days [F56]', () => {
    expect(queues.get('crm-mail')).toMatchObject({
      requiresDuplicateDetection: true,
      duplicateDetectionHistoryTimeWindow: 'P7D',
    });
  });

  test('need no sessions and dead-letter what expires [F61]', () => {
    for (const properties of queues.values()) {
      expect(properties).toMatchObject({ requiresSession: false, deadLetteringOnMessageExpiration: true });
    }
  });
});

describe('rights', () => {
  const builtInRoles = new Map([
    ['reader', 'acdd72a7-3385-48ef-bd42-f606fba81ae7'],
    ['storageBlobDataOwner', 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'],
    ['storageBlobDataReader', '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'],
    ['storageTableDataContributor', '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'],
    ['serviceBusDataSender', '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'],
    ['serviceBusDataReceiver', '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'],
    ['monitoringMetricsPublisher', '3913510d-42f4-4e42-8a64-420c390055eb'],
  ]);
  const rolesText = read('infra/modules/roles.bicep');

  test('the role set is exactly this list, each on the narrowest resource [T24]', () => {
    const assignments = rolesText
      .split(/^resource /m)
      .filter((block) => block.includes('roleAssignments@') && !block.includes(' existing '))
      .map((block) =>
        [/principalId: (\w+)PrincipalId/, /roleDefinitions', roleIds\.(\w+)\)/, /scope: (\w+)/]
          .map((part) => part.exec(block)?.[1])
          .join(' '),
      );
    expect(assignments.toSorted()).toEqual([
      'app monitoringMetricsPublisher component',
      'app reader namespace',
      'app serviceBusDataReceiver workQueue',
      'app serviceBusDataSender crmQueue',
      'app serviceBusDataSender workQueue',
      'app storageBlobDataOwner storageAccount',
      'app storageTableDataContributor storageAccount',
      'crm serviceBusDataReceiver crmQueue',
      'crm storageBlobDataReader mailContent',
    ]);
  });

  test('each role name stands for the built-in role of that name, and an assignment is named by what it grants [T24]', () => {
    const declared = [...rolesText.matchAll(/^ {2}\w+: '[0-9a-f-]{36}'$/gm)].map((match) => match[0].trim());
    expect(declared).toEqual([...builtInRoles].map(([name, id]) => `${name}: '${id}'`));
    for (const [, named, granted] of rolesText.matchAll(/name: guid\([^)]*roleIds\.(\w+)\)[^}]*roleIds\.(\w+)\)/g)) {
      expect(named).toBe(granted);
    }
  });

  test('roles are assigned in one file only, and never Owner of Service Bus data [T24]', () => {
    const assigning = bicepFiles.filter((file) => file.text.includes('roleAssignments@')).map((file) => file.name);
    expect(assigning).toEqual(['modules/roles.bicep']);
    for (const file of bicepFiles) expect(file.text, file.name).not.toContain('090c5cfd-751d-490a-894a-3ce6f1109419');
  });

  test('the CRM gets rights only when it is named [T24]', () => {
    const conditions = [...rolesText.matchAll(/^resource crm\w+ '[^']*roleAssignments@[^']*' = (.*) \{$/gm)];
    expect(conditions.map((match) => match[1])).toEqual([
      'if (!empty(crmPrincipalId))',
      'if (!empty(crmPrincipalId) && crmReadsMailContent)',
    ]);
  });

  test('the app is made after its roles', () => {
    expect(main).toMatch(/module functionApp '[^']*' = \{\n {2}name: '[^']*'\n {2}dependsOn: \[roles\]/);
  });
});

describe('keys and passwords', () => {
  test('no file reads, holds or takes a key, a connection string or a secret [T24, T25]', () => {
    const forbidden =
      /list(Keys|Secrets|AccountSas|ServiceSas)|AccountKey=|SharedAccessKey|SharedAccessSignature|InstrumentationKey|UseDevelopment|@secure|GRAPH_CLIENT_SECRET|StorageAccountConnectionString/i;
    for (const file of bicepFiles) expect(forbidden.exec(file.text)?.[0], file.name).toBeUndefined();
  });

  test('signing in by key or password is off on every resource [T24, T26]', () => {
    expect(read('infra/modules/storage.bicep')).toMatch(/allowSharedKeyAccess: false/);
    expect(read('infra/modules/storage.bicep')).toMatch(/allowBlobPublicAccess: false/);
    expect(read('infra/modules/service-bus.bicep')).toMatch(/disableLocalAuth: true/);
    expect(read('infra/modules/monitoring.bicep')).toMatch(/disableLocalAuth: true/);
    expect(read('infra/modules/monitoring.bicep')).toMatch(/DisableLocalAuth: true/);
    expect(read('infra/modules/function-app.bicep').match(/properties: \{ allow: false \}/g)).toHaveLength(2);
  });

  test('connections are encrypted by TLS 1.2 or newer [T33]', () => {
    expect(read('infra/modules/storage.bicep')).toMatch(/minimumTlsVersion: 'TLS1_2'/);
    expect(read('infra/modules/service-bus.bicep')).toMatch(/minimumTlsVersion: '1\.2'/);
    const functionApp = read('infra/modules/function-app.bicep');
    for (const line of [
      'httpsOnly: true',
      "minTlsVersion: '1.2'",
      "scmMinTlsVersion: '1.2'",
      "ftpsState: 'Disabled'",
    ]) {
      expect(functionApp).toContain(line);
    }
  });

  test('outputs give away names, addresses and ids only', () => {
    const outputs = bicepFiles.flatMap((file) => [...file.text.matchAll(/^output (\w+)/gm)].map((match) => match[1]));
    for (const name of outputs) expect(name).toMatch(/(Name|Url|HostName|Endpoint|Address|Id)$/);
    expect(outputs.length).toBeGreaterThan(0);
  });
});
