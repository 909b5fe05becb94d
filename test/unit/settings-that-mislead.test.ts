import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../shared/config.ts';
import { CERTIFICATE, OTHER_KEY, OWN_KEY } from '../support/certificates.ts';

const good = {
  DataStorage: 'UseDevelopmentStorage=true',
  ServiceBus: 'Endpoint=sb://bus.northwind.example/;SharedAccessKeyName=k;SharedAccessKey=s',
  PUBLIC_BASE_URL: 'https://ingest.northwind.example/',
  TENANT_ID: '5f2b1c6e-8a43-4d0b-9c57-1e6f0a9d3b24',
  MAILBOXES: 'sales@northwind.example',
};

const faulty = (changes: Record<string, string>): string[] => {
  const loaded = loadConfig({ ...good, ...changes });
  return loaded.ok ? [] : loaded.problems.map(({ setting }) => setting);
};

describe('one queue for work and for mail events', () => {
  it.each([
    [{ WORK_QUEUE: 'mail', CRM_QUEUE: 'mail' }],
    [{ WORK_QUEUE: 'Mail', CRM_QUEUE: 'mail' }],
    [{ WORK_QUEUE: 'crm-mail' }],
    [{ CRM_QUEUE: 'mailbox-work' }],
  ])('is refused: %j [F78]', (names) => {
    expect(faulty(names)).toHaveLength(1);
    expect(faulty(names)[0]).toMatch(/^(WORK|CRM)_QUEUE$/);
  });

  it('is not suspected where one name only begins like the other', () => {
    expect(faulty({ WORK_QUEUE: 'mail', CRM_QUEUE: 'mail-2' })).toEqual([]);
  });
});

describe.each(['RECONCILE_SCHEDULE', 'RENEW_SCHEDULE'])('%s', (setting) => {
  it.each([
    '99 * * * * *',
    '* 60 * * * *',
    '0 * 24 * * *',
    '0 0 0 32 * *',
    '0 0 0 0 * *',
    '0 0 0 * 13 *',
    '0 0 0 * * 9',
    'a b c d e f',
    '0 */0 * * * *',
    '0 5-1-3 * * * *',
    '0 1, * * * *',
    '0 * * * * * *',
  ])('is refused when the host could not run it: %s [F78]', (value) => {
    expect(faulty({ [setting]: value })).toEqual([setting]);
  });

  it.each([
    '0 * * * * *',
    '*/15 * * * * *',
    '0 */5 * * * *',
    '0 0 8-17 * * 1-5',
    '0 0 8 1,15 * *',
    '0 30 6 * * Mon-Fri',
    '0 30 6 * JAN,Jul *',
    '0 0 0 * * 0',
    '0 10-50/10 * * * *',
    '*/5 * * * *',
    '  0   *   *  * * * ',
  ])('is taken when the host can run it: %s', (value) => {
    expect(faulty({ [setting]: value })).toEqual([]);
  });
});

describe('GRAPH_CLIENT_CERTIFICATE', () => {
  const faultyPem = (pem: string) => faulty({ GRAPH_CLIENT_ID: good.TENANT_ID, GRAPH_CLIENT_CERTIFICATE: pem });
  const nonsense = (name: string) => `-----BEGIN ${name}-----\nbm90aGluZw==\n-----END ${name}-----\n`;

  it('is taken when it holds a certificate and its own private key, in either order', () => {
    expect(faultyPem(`${CERTIFICATE}${OWN_KEY}`)).toEqual([]);
    expect(faultyPem(`${OWN_KEY}${CERTIFICATE}`)).toEqual([]);
  });

  it.each([
    ['a certificate that cannot be read', `${nonsense('CERTIFICATE')}${OWN_KEY}`],
    ['a key that cannot be read', `${CERTIFICATE}${nonsense('PRIVATE KEY')}`],
    ['the key of another certificate', `${CERTIFICATE}${OTHER_KEY}`],
    ['no key', CERTIFICATE],
  ])('is refused with %s [F78]', (_, pem) => {
    expect(faultyPem(pem)).toEqual(['GRAPH_CLIENT_CERTIFICATE']);
  });

  it('is never quoted when it is refused [T17]', () => {
    const loaded = loadConfig({ ...good, GRAPH_CLIENT_ID: good.TENANT_ID, GRAPH_CLIENT_CERTIFICATE: `x${OWN_KEY}` });
    expect(JSON.stringify(loaded)).not.toContain(OWN_KEY.split('\n')[1]);
  });
});
