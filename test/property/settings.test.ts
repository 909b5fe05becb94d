import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { APP_SETTINGS, loadConfig } from '../../shared/config.ts';

const SECRET = 'kanarienvogel';

/** Values that nearly fit somewhere, each with something secret in it. */
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }).map((text) => `${SECRET}${text}`),
  fc.constantFrom(
    `https://${SECRET}.example/v1.0`,
    `http://${SECRET}.example`,
    `https://user:${SECRET}@graph.example/v1.0`,
    `Endpoint=sb://bus.example/;SharedAccessKeyName=k;SharedAccessKey=${SECRET}`,
    `Endpoint=sb://bus.example/;SharedAccessKey=${SECRET};UseDevelopmentEmulator=true`,
    `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=${SECRET}`,
    `AccountName=a;AccountKey=${SECRET};TableEndpoint=http://${SECRET}.example`,
    `{"token_endpoint":"${SECRET}"}`,
    `{"token_endpoint":"http://${SECRET}.example"`,
    `-----BEGIN CERTIFICATE-----${SECRET}-----END CERTIFICATE----------BEGIN PRIVATE KEY-----${SECRET}-----END PRIVATE KEY-----`,
    `PT10M${SECRET}`,
    `0 * * * * ${SECRET}`,
    `${SECRET}@northwind.example`,
    `${SECRET} @northwind.example,,`,
    '5f2b1c6e-8a43-4d0b-9c57-1e6f0a9d3b24',
    'true',
    'UseDevelopmentStorage=true',
    'P1D',
    'PT',
    '',
    ' ',
  ),
);
const env = fc.dictionary(
  fc.oneof(fc.constantFrom(...APP_SETTINGS), fc.string()),
  fc.option(value, { nil: undefined }),
  { maxKeys: 40 },
);

describe('settings', () => {
  it('of any form are read or refused, never thrown at the host, and what is wrong quotes no value [F78]', () => {
    fc.assert(
      fc.property(env, (given) => {
        const loaded = loadConfig(given);
        if (loaded.ok) return;
        expect(loaded.problems.length).toBeGreaterThan(0);
        const told = loaded.problems.map(({ setting, problem }) => `${setting in given ? '' : setting} ${problem}`);
        expect(told.join('\n')).not.toContain(SECRET);
        for (const { setting, problem } of loaded.problems) {
          expect(APP_SETTINGS).toContain(setting);
          expect(problem).toMatch(/^(must|is missing)/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('that were read never lead out of this machine in the clear [T33]', () => {
    const plain = fc
      .tuple(fc.constantFrom('http://', 'HTTP://', 'https://'), fc.domain(), fc.constantFrom('', '/v1.0'))
      .map((parts) => parts.join(''));
    const good = {
      DataStorage: 'UseDevelopmentStorage=true',
      ServiceBus: 'Endpoint=sb://bus.northwind.example/;SharedAccessKeyName=k;SharedAccessKey=s',
      PUBLIC_BASE_URL: 'https://ingest.northwind.example/',
      TENANT_ID: '5f2b1c6e-8a43-4d0b-9c57-1e6f0a9d3b24',
      MAILBOXES: 'sales@northwind.example',
    };
    const names = fc.constantFrom(
      'GRAPH_BASE_URL',
      'PUBLIC_BASE_URL',
      'DataStorage__tableServiceUri',
      'DataStorage__blobServiceUri',
    );
    fc.assert(
      fc.property(fc.dictionary(names, plain, { minKeys: 1 }), fc.boolean(), (changes, identity) => {
        const loaded = loadConfig({ ...good, ...(identity && { DataStorage: undefined }), ...changes });
        if (loaded.ok) expect(JSON.stringify(loaded.config).toLowerCase()).not.toContain('"http:');
      }),
    );
  });
});
