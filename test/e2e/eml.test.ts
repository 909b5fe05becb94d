// The corpus of .eml files through everything: mailbox, notification, app, queue. The CRM must read what the mails say.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServiceBusClient, type ServiceBusReceivedMessage } from '@azure/service-bus';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { buildDeployed } from '../../local/build.ts';
import { type Environment, startEnvironment } from '../../local/start/environment.ts';
import { startHost } from '../../local/start/host-process.ts';
import { compareMailEvent, messageOf, type ReadClaimCheck } from '../support/eml/compare-mail-event.ts';
import { corpusFolder, readCorpus, type CorpusFile } from '../support/eml/corpus-files.ts';

const limitMs = 240_000;
const corpus = await readCorpus();

async function deliver(environment: Environment, { name, raw }: CorpusFile, index: number): Promise<string> {
  const mailbox = environment.mailboxes[index % environment.mailboxes.length];
  const answer = await fetch(`${environment.graph.url}/control/users/${mailbox?.id ?? ''}/eml`, {
    method: 'POST',
    headers: { 'Content-Type': 'message/rfc822' },
    body: new Uint8Array(raw),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`The mailbox refused ${name}.eml: ${String(answer.status)} ${text}`);
  return z.object({ immutableId: z.string() }).parse(JSON.parse(text)).immutableId;
}

function waitForSubscriptions({ graph, mailboxes }: Environment): Promise<void> {
  return vi.waitFor(
    () => {
      const subscribed = new Set(graph.control.subscriptions().map((each) => each.target.userId));
      expect(mailboxes.filter(({ id }) => !subscribed.has(id))).toEqual([]);
    },
    { timeout: 60_000, interval: 50 },
  );
}

describe('mail from .eml files on the CRM queue', () => {
  const fileOfId = new Map<string, CorpusFile>();
  const events = new Map<string, unknown[]>();
  const closers: (() => Promise<unknown>)[] = [];
  let readClaimCheck: ReadClaimCheck;

  async function take(message: ServiceBusReceivedMessage): Promise<void> {
    const body: unknown = message.body;
    const event: unknown = typeof body === 'string' ? JSON.parse(body) : body;
    const { id } = await messageOf(event, readClaimCheck);
    events.set(id, [...(events.get(id) ?? []), event]);
  }

  beforeAll(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'eml-e2e-'));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    const environment = await startEnvironment({ ports: 'free' });
    closers.push(() => environment.close());
    await buildDeployed();
    const { settings } = environment;
    const settingsFile = path.join(folder, 'settings.json');
    await writeFile(settingsFile, JSON.stringify(settings));
    const host = await startHost({
      functionsUrl: settings.functionsUrl,
      settingsFile,
      env: settings.env,
      logFile: path.join(folder, 'host.log'),
      coreTools: false,
    });
    closers.push(() => host.stop());
    const blobs = BlobServiceClient.fromConnectionString(settings.storageConnectionString);
    readClaimCheck = ({ container, blob }) =>
      blobs.getContainerClient(container).getBlobClient(blob).downloadToBuffer();
    await waitForSubscriptions(environment);
    for (const [index, entry] of corpus.entries()) {
      fileOfId.set(await deliver(environment, entry, index), entry);
    }
    const bus = new ServiceBusClient(settings.serviceBusConnectionString);
    closers.push(() => bus.close());
    const receiver = bus.createReceiver('crm-mail');
    const end = performance.now() + limitMs / 2;
    while ([...fileOfId.keys()].some((id) => !events.has(id)) && performance.now() < end) {
      const messages = await receiver.receiveMessages(100, { maxWaitTimeInMs: 2000 });
      await Promise.all(
        messages.map(async (message) => {
          await take(message);
          await receiver.completeMessage(message);
        }),
      );
    }
    // A second event of a mail would come late, if at all.
    await Promise.all((await receiver.receiveMessages(100, { maxWaitTimeInMs: 2000 })).map(take));
  }, limitMs);

  afterAll(async () => {
    for (const close of closers.toReversed()) await close();
  });

  test('brings every file, and each of them once', () => {
    const counts = [...fileOfId].map(([id, { name }]) => ({ name, events: events.get(id)?.length ?? 0 }));
    expect(counts.filter((entry) => entry.events !== 1)).toEqual([]);
    expect(events.size).toBe(corpus.length);
  });

  test.each(corpus.map((entry) => entry.name))('says what %s says [F83, F84]', async (name) => {
    const [id, entry] = [...fileOfId].find(([, candidate]) => candidate.name === name) ?? [];
    if (id === undefined || entry === undefined) throw new Error(`${name}.eml was not delivered.`);
    expect(await compareMailEvent(events.get(id)?.[0], entry.expected, readClaimCheck)).toEqual([]);
  });
});

describe('npm start with --once and --eml', () => {
  test(
    'ends with 0 and counts every file as sent and received once',
    async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'eml-once-'));
      const jsonFile = path.join(folder, 'summary.json');
      const start = fileURLToPath(new URL('../../local/start/start.ts', import.meta.url));
      const flags = ['--experimental-strip-types', '--disable-warning=ExperimentalWarning'];
      const child = spawn(process.execPath, [...flags, start, '--once', '--eml', corpusFolder, '--json', jsonFile], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const output: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
      const code = await new Promise((resolve) => child.once('close', resolve));
      expect(code, Buffer.concat(output).toString('utf8').slice(-2000)).toBe(0);
      const summary: unknown = JSON.parse(await readFile(jsonFile, 'utf8'));
      await rm(folder, { recursive: true, force: true });
      expect(summary).toMatchObject({ sent: corpus.length, received: corpus.length, lost: 0, duplicated: 0 });
    },
    limitMs,
  );
});
