// Content never travels with a notification: it is not asked for, and what comes all the same is not read.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { makeGraphSubscriptions } from '../../../shared/adapters/graph/graph-subscriptions.ts';
import { judgeNotifications } from '../../../shared/domain/change-notification.ts';
import { signClientState } from '../../../shared/domain/client-state.ts';
import { aNotification, INBOX_KEY, MAILBOX, TENANT } from '../../support/builders.ts';
import { graphOver } from '../../support/graph-over-http.ts';
import { type LoopbackServer, startLoopbackServer } from '../../support/loopback-server.ts';

let graph: LoopbackServer;
beforeAll(async () => {
  graph = await startLoopbackServer((_asked, response) =>
    response
      .writeHead(201, { 'content-type': 'application/json' })
      .end(JSON.stringify({ id: '50b5c41b-0000-4000-a000-000000000001', expirationDateTime: '2026-10-19T08:00:00Z' })),
  );
});
afterAll(() => graph.close());

describe('a subscription', () => {
  it('asks for no content and hands over no key to encrypt it with [T08, T09]', async () => {
    const subscriptions = makeGraphSubscriptions(graphOver(graph.url), {
      publicBaseUrl: 'https://ingest.test',
      mark: 'mark',
    });
    await subscriptions.create({ mailbox: MAILBOX, folderId: 'inbox', clientState: 'state', minutes: 60 });
    const [asked] = graph.asked;
    expect(Object.keys(z.looseObject({}).parse(JSON.parse(asked?.body ?? '{}'))).toSorted()).toEqual([
      'changeType',
      'clientState',
      'expirationDateTime',
      'latestSupportedTlsVersion',
      'lifecycleNotificationUrl',
      'notificationUrl',
      'resource',
    ]);
  });

  it('is made by code that knows no content, no validation token and no decryption [T08, T09]', () => {
    const folder = new URL('../../../shared/', import.meta.url);
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    expect(sources.length).toBeGreaterThan(40);
    for (const name of sources)
      expect(readFileSync(new URL(name, folder), 'utf8'), name).not.toMatch(
        /includeResourceData|encryptedContent|validationTokens|encryptionCertificate|privateDecrypt|createDecipher/,
      );
  });
});

describe('a notification with content', () => {
  const key = { id: 'first', secret: 'c'.repeat(43), createdAt: '2026-10-01T00:00:00Z' };
  const keys = { signing: key, accepted: new Map([[key.id, key]]) };
  const clientState = signClientState(key, { tenant: TENANT, mailbox: MAILBOX, folder: INBOX_KEY });
  const encryptedContent = { data: 'AAAA', dataSignature: 'x', dataKey: 'y', encryptionCertificateId: 'z' };
  const judge = (item: object, validationTokens: unknown) =>
    judgeNotifications({ value: [{ ...item, encryptedContent }], validationTokens }, TENANT, keys);
  const genuine = aNotification({ clientState, id: 'AAkA1=' });

  it.each([['eyJhbGciOiJub25lIn0.e30.'], [], 'x', null, undefined, [{}]].map((tokens) => [tokens]))(
    'is judged by its clientState alone, whatever tokens come with it: %j [T08]',
    (tokens) => {
      const ring = { mailbox: MAILBOX, folders: [INBOX_KEY], ids: ['AAkA1='] };
      expect(judge(genuine, tokens)).toEqual({ rings: [ring], refused: 0 });
      expect(judge({ ...genuine, clientState: 'guessed' }, tokens)).toEqual({ rings: [], refused: 1 });
    },
  );

  it('passes nothing of the content on [T09]', () => {
    const resourceData = { ...genuine.resourceData, subject: 'swordfish', body: { content: 'swordfish' } };
    const rings = JSON.stringify(judge({ ...genuine, resourceData, content: 'swordfish' }, [])?.rings);
    expect(rings).toContain('AAkA1=');
    expect(rings).not.toMatch(/swordfish|AAAA/);
  });
});
