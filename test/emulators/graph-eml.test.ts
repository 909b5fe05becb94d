// The corpus of .eml files through the Graph emulator: whatever a mail says must be what Graph answers about it.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, HTTPMessageHandler } from '@microsoft/microsoft-graph-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { startGraphEmulator } from '../../local/graph/graph-emulator.ts';
import { charsetSamples } from '../support/eml/charset-samples.ts';
import { type ActualMail, differences } from '../support/eml/compare-mail.ts';
import { corpusFolder, readCorpus, type CorpusFile } from '../support/eml/corpus-files.ts';
import { corrections } from '../support/eml/corrections.ts';
import { graphMailSelect, parseGraphMail, toActualMail, type GraphMail } from '../support/eml/graph-mail.ts';
import { corpusCases } from '../support/eml/make-corpus.ts';

const user = { id: '8a0c2f6e-4f5b-4a6e-9a55-3f1f8f1f7a01', address: 'sales@contoso.example' };
const corpus = await readCorpus();

function file(name: string): CorpusFile {
  const found = corpus.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`There is no ${name}.eml: run test/support/eml/make-corpus.ts.`);
  return found;
}

describe('the corpus', () => {
  test('is what its generator writes', async () => {
    const cases = await corpusCases();
    const names = (await readdir(corpusFolder)).filter((entry) => entry.endsWith('.eml')).toSorted();
    expect(names).toEqual(cases.map((entry) => `${entry.name}.eml`).toSorted());
    const changed = await Promise.all(
      cases.map(async (entry) =>
        entry.raw.equals(await readFile(join(corpusFolder, `${entry.name}.eml`))) ? [] : [entry.name],
      ),
    );
    expect(changed.flat()).toEqual([]);
  });

  test.each(charsetSamples)('expects the text that was written in $charset', ({ charset, text }) => {
    const { expected } = file(`charset-${charset.replace('_', '-')}`);
    expect(expected.subject).toBe(text);
    expect(expected.from?.name).toBe(text);
    expect(expected.body.content).toContain(text);
    expect(expected.attachments.map((attachment) => attachment.name)).toEqual([`${text}.pdf`]);
  });

  test('is compared so that no changed fact goes unnoticed', () => {
    const { expected } = file('composed-everything');
    const nobody = { name: 'x', address: 'x@x.example' };
    const same: ActualMail = {
      ...expected,
      from: expected.from ?? null,
      sender: expected.sender ?? null,
      messageId: expected.messageId ?? null,
      sentAt: expected.sentAt?.toISOString() ?? null,
      receivedAt: '2026-11-21T10:00:00Z',
      inReplyTo: expected.inReplyTo ?? null,
      attachments: expected.attachments.map((entry) => ({
        ...entry,
        name: entry.name ?? null,
        contentId: entry.contentId ?? null,
      })),
    };
    const changes: readonly Partial<ActualMail>[] = [
      { from: nobody },
      { sender: nobody },
      { replyTo: [] },
      { to: same.to.slice(1) },
      { cc: [nobody] },
      { bcc: [nobody] },
      { subject: `${same.subject ?? ''}.` },
      { messageId: null },
      { sentAt: '2026-11-21T09:12:02Z' },
      { inReplyTo: null },
      { references: same.references.toReversed() },
      { body: { ...same.body, contentType: 'text' } },
      { body: { ...same.body, content: `${same.body.content} ` } },
      { attachments: same.attachments.slice(1) },
      ...[{ name: 'other' }, { contentType: 'text/x-other' }, { size: 1 }, { contentId: 'other' }].map((change) => ({
        attachments: same.attachments.map((entry) => ({ ...entry, ...change })),
      })),
    ];
    expect(differences(same, expected)).toEqual([]);
    expect(changes.filter((change) => differences({ ...same, ...change }, expected).length === 0)).toEqual([]);
  });

  test('corrects only files that exist', () => {
    expect(Object.keys(corrections).filter((name) => !corpus.some((entry) => entry.name === name))).toEqual([]);
  });
});

describe('mail from .eml files in the Graph emulator', () => {
  const arrived = new Map<string, GraphMail>();
  let emulator: Awaited<ReturnType<typeof startGraphEmulator>>;

  async function accessToken(): Promise<string> {
    const answer = await fetch(
      `${emulator.identityEndpoint}?resource=https://graph.microsoft.com&api-version=2019-08-01`,
      { headers: { 'X-IDENTITY-HEADER': emulator.identityHeader } },
    );
    return z.object({ access_token: z.string() }).parse(await answer.json()).access_token;
  }

  async function deliver({ name, raw }: CorpusFile): Promise<string> {
    const answer = await fetch(`${emulator.url}/control/users/${user.id}/eml`, {
      method: 'POST',
      headers: { 'Content-Type': 'message/rfc822' },
      body: new Uint8Array(raw),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`The emulator refused ${name}.eml: ${String(answer.status)} ${text}`);
    return z.object({ id: z.string() }).parse(JSON.parse(text)).id;
  }

  beforeAll(async () => {
    emulator = await startGraphEmulator({
      tenantId: '5c2b7f4e-3a51-4bb6-a4f0-0d0f2b9f6c11',
      appId: '1d6f0a52-7c0f-4b0e-8d6b-6d4f1a2b3c44',
      users: [user],
    });
    const authorization = `Bearer ${await accessToken()}`;
    const client = Client.initWithMiddleware({
      baseUrl: emulator.graphUrl.replace(/\/v1\.0$/u, ''),
      defaultVersion: 'v1.0',
      middleware: new HTTPMessageHandler(),
    });
    for (const entry of corpus) {
      const id = await deliver(entry);
      const answer: unknown = await client
        .api(`/users/${user.id}/messages/${id}`)
        .headers({ Authorization: authorization, Prefer: 'IdType="ImmutableId"' })
        .select([...graphMailSelect])
        .expand('attachments')
        .get();
      arrived.set(entry.name, parseGraphMail(answer));
    }
  }, 120_000);

  afterAll(() => emulator.close());

  function message(name: string): GraphMail {
    const found = arrived.get(name);
    if (found === undefined) throw new Error(`${name}.eml did not arrive.`);
    return found;
  }

  test.each(corpus.map((entry) => entry.name))('says what %s says', (name) => {
    expect(differences(toActualMail(message(name)), file(name).expected)).toEqual([]);
  });

  test('gives every file attachment as many bytes as its size says', () => {
    const wrong = [...arrived].flatMap(([name, { attachments }]) =>
      attachments
        .filter((entry) => entry['@odata.type'] === '#microsoft.graph.fileAttachment')
        .filter((entry) => Buffer.from(entry.contentBytes ?? '', 'base64').length !== entry.size)
        .map((entry) => `${name}: ${String(entry.name)}`),
    );
    expect(wrong).toEqual([]);
  });

  test('names an attached mail after its subject where nothing else names it', () => {
    expect(message('kind-forward-inline').attachments.map((entry) => entry.name)).toEqual(['The original question']);
  });

  test('makes up a different Message-ID for every mail that has none', () => {
    const ids = ['thread-message-id-missing', 'address-missing-all', 'headers-none'].map(
      (name) => message(name).internetMessageId,
    );
    expect(new Set(ids).size).toBe(3);
    expect(ids.every((id) => /^<[^<>\s]+@[^<>\s]+>$/u.test(id ?? ''))).toBe(true);
  });

  test('keeps every header in its order, repeated ones included', () => {
    const headers = message('headers-received-chain').internetMessageHeaders;
    const hops = headers.filter((header) => header.name.toLowerCase() === 'received');
    expect(hops.slice(-12).map((header) => /from (hop\d+)/u.exec(header.value)?.[1])).toEqual(
      Array.from({ length: 12 }, (_, hop) => `hop${String(hop)}`),
    );
  });
});
