import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { describe, expect, test } from 'vitest';
import { sampleIdentityHeader, sampleMailboxes, sampleTenantId } from '../../local/sample-mail/sample-mailboxes.ts';
import { fixedPorts } from '../../local/start/environment.ts';
import { LOCAL_SAS_RULE } from '../../local/service-bus/sas-token.ts';

const sampleSchema = z.strictObject({
  IsEncrypted: z.literal(false),
  Values: z.record(z.string(), z.string()),
  Host: z.strictObject({ LocalHttpPort: z.number() }),
});

const sample = sampleSchema.parse(
  JSON.parse(await readFile(new URL('../../local.settings.sample.json', import.meta.url), 'utf8')),
);

describe('local.settings.sample.json', () => {
  test('names every setting of the app, optional ones empty or with their default', () => {
    expect(Object.keys(sample.Values).toSorted()).toEqual(
      `FUNCTIONS_WORKER_RUNTIME AzureWebJobsStorage WORK_QUEUE CRM_QUEUE PUBLIC_BASE_URL DataStorage
        DataStorage__tableServiceUri DataStorage__blobServiceUri ServiceBus
        ServiceBus__fullyQualifiedNamespace ServiceBus__clientId ServiceBus__credential TENANT_ID
        AZURE_CLOUD GRAPH_BASE_URL GRAPH_AUTHORITY_METADATA GRAPH_CLIENT_ID GRAPH_CLIENT_SECRET
        GRAPH_CLIENT_CERTIFICATE AZURE_CLIENT_ID IDENTITY_ENDPOINT IDENTITY_HEADER MAILBOXES
        MAILBOX_GROUP_ID MAIL_FOLDERS CATCH_UP_INTERVAL RECONCILE_SCHEDULE RENEW_SCHEDULE INCLUDE_MIME
        INCLUDE_ATTACHMENTS CHANGE_TYPES ADMIN_AUDIENCE ADMIN_ROLE`
        .split(/\s+/)
        .toSorted(),
    );
  });

  test('points at what `npm run emulators` starts on its fixed ports', () => {
    const { Values: values, Host: host } = sample;
    const graph = `http://127.0.0.1:${fixedPorts.graph}`;
    expect(host.LocalHttpPort).toBe(fixedPorts.host);
    expect(values).toMatchObject({
      AzureWebJobsStorage: 'UseDevelopmentStorage=true',
      DataStorage: 'UseDevelopmentStorage=true',
      ServiceBus: `Endpoint=sb://127.0.0.1:${fixedPorts.serviceBus};SharedAccessKeyName=${LOCAL_SAS_RULE.keyName};SharedAccessKey=${LOCAL_SAS_RULE.key};UseDevelopmentEmulator=true;`,
      PUBLIC_BASE_URL: `http://127.0.0.1:${fixedPorts.host}`,
      TENANT_ID: sampleTenantId,
      GRAPH_BASE_URL: `${graph}/v1.0`,
      IDENTITY_ENDPOINT: `${graph}/msi/token`,
      IDENTITY_HEADER: sampleIdentityHeader,
      MAILBOXES: sampleMailboxes.map(({ address }) => address).join(','),
    });
  });
});
