import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Longer than the command's own limits, so that it can say itself what is missing. */
const LIMIT_MS = 240_000;
const WAIT = { timeout: 60_000, interval: 50 };

const settingsSchema = z.strictObject({
  env: z.record(z.string(), z.string()),
  functionsUrl: z.url(),
  graphUrl: z.url(),
  serviceBusConnectionString: z.string().startsWith('Endpoint=sb://127.0.0.1:'),
  storageConnectionString: z.string().startsWith('DefaultEndpointsProtocol=http;'),
  tenantId: z.guid(),
  mailboxes: z.array(z.strictObject({ id: z.guid(), address: z.string() })).min(3),
  controlUrl: z.url(),
});

const summarySchema = z.strictObject({
  sent: z.number(),
  received: z.number(),
  lost: z.number(),
  duplicated: z.number(),
  sends: z.number(),
  perMail: z.strictObject({
    graphRequests: z.number(),
    busOperations: z.number(),
    tableCalls: z.number(),
    blobCalls: z.number(),
  }),
  latencyMs: z.strictObject({ p50: z.number(), p99: z.number() }),
});

type Command = { child: ChildProcess; output: () => string; ended: Promise<number | null> };

let folder: string;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'start-test-'));
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

function run(script: 'start' | 'emulators', ...args: string[]): Command {
  const child = spawn(
    process.execPath,
    ['--experimental-strip-types', '--disable-warning=ExperimentalWarning', `local/start/${script}.ts`, ...args],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  return { child, output: () => output, ended };
}

async function readSettings(file: string, command: Command): Promise<z.infer<typeof settingsSchema>> {
  await vi.waitFor(() => {
    if (!existsSync(file)) throw new Error(`No settings file yet. Printed so far:\n${command.output()}`);
  }, WAIT);
  return settingsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
}

function isListening(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

test('npm start -- --once brings every sample mail to the CRM exactly once and writes its figures', {
  timeout: LIMIT_MS,
}, async () => {
  const file = path.join(folder, 'summary.json');
  const command = run('start', '--once', '--json', file);
  expect(await command.ended, command.output()).toBe(0);
  const summary = summarySchema.parse(JSON.parse(await readFile(file, 'utf8')));
  expect(summary.sent).toBeGreaterThanOrEqual(12);
  expect(summary).toMatchObject({ received: summary.sent, sends: summary.sent, lost: 0, duplicated: 0 });
  expect(summary.perMail.graphRequests).toBeGreaterThan(0);
  expect(summary.perMail.busOperations).toBeGreaterThan(0);
  expect(summary.perMail.tableCalls).toBeGreaterThan(0);
  expect(summary.latencyMs.p99).toBeGreaterThanOrEqual(summary.latencyMs.p50);
  expect(command.output()).toContain('お見積りのお願い');
  expect(command.output()).toContain('Every mail arrived exactly once.');
});

test('npm start -- --once --eml feeds each file of a folder, even without a Message-ID or twice the same', {
  timeout: LIMIT_MS,
}, async () => {
  const mails = path.join(folder, 'mails');
  const same = 'From: a@example.com\r\nMessage-ID: <same@example.com>\r\nSubject: The same\r\n\r\nTwice.\r\n';
  await mkdir(mails);
  for (const name of ['1.eml', '5.EML']) await writeFile(path.join(mails, name), same);
  for (const name of ['2', '3', '4'])
    await writeFile(path.join(mails, `${name}.eml`), `Subject: Number ${name}\n\nText\n`);
  await writeFile(path.join(mails, 'notes.txt'), 'not a mail');
  const file = path.join(folder, 'eml.json');
  const command = run('start', '--once', '--eml', mails, '--json', file);
  expect(await command.ended, command.output()).toBe(0);
  expect(summarySchema.parse(JSON.parse(await readFile(file, 'utf8')))).toMatchObject({
    sent: 5,
    received: 5,
    sends: 5,
  });
});

test('npm start stops the app and everything else at SIGTERM, with exit code 0', { timeout: LIMIT_MS }, async () => {
  const file = path.join(folder, 'stopped.json');
  const command = run('start', '--settings-out', file);
  const settings = await readSettings(file, command);
  expect(await isListening(settings.functionsUrl)).toBe(true);
  command.child.kill('SIGTERM');
  expect(await command.ended, command.output()).toBe(0);
  expect(command.output()).toMatch(/\d+ sent · \d+ received · \d+ lost · 0 duplicated/);
  for (const url of [settings.functionsUrl, settings.graphUrl, settings.controlUrl]) {
    expect(await isListening(url), url).toBe(false);
  }
  expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('the app ends when npm start is killed outright', { timeout: LIMIT_MS }, async () => {
  const file = path.join(folder, 'killed.json');
  const command = run('start', '--settings-out', file);
  const { functionsUrl } = await readSettings(file, command);
  expect(await isListening(functionsUrl)).toBe(true);
  command.child.kill('SIGKILL');
  await command.ended;
  await vi.waitFor(async () => expect(await isListening(functionsUrl)).toBe(false), WAIT);
});

test('npm run emulators tells a program that knows only the settings file all it needs', {
  timeout: LIMIT_MS,
}, async () => {
  const file = path.join(folder, 'emulators.json');
  const command = run('emulators', '--ports', '0', '--settings-out', file);
  const { env, graphUrl, mailboxes, functionsUrl, controlUrl } = await readSettings(file, command);
  expect(env).toMatchObject({
    PUBLIC_BASE_URL: functionsUrl,
    GRAPH_BASE_URL: graphUrl,
    FUNCTIONS_WORKER_RUNTIME: 'node',
  });

  const tokenUrl = `${env['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource=https://graph.microsoft.com`;
  const answer = await fetch(tokenUrl, { headers: { 'x-identity-header': env['IDENTITY_HEADER'] ?? '' } });
  const { access_token: token } = z.looseObject({ access_token: z.string() }).parse(await answer.json());
  const [from, to] = mailboxes;
  const message = {
    subject: 'By Graph itself',
    body: { contentType: 'Text', content: 'Hello' },
    toRecipients: [{ emailAddress: { address: to?.address } }],
  };
  const sent = await fetch(`${graphUrl}/users/${from?.id}/sendMail`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ message }),
  });
  expect(sent.status).toBe(202);
  const counters = await (await fetch(`${controlUrl}/counters`)).json();
  expect(counters).toMatchObject({ graph: { mailsDelivered: 1 }, storage: { tableCalls: 0 } });

  command.child.kill('SIGTERM');
  expect(await command.ended, command.output()).toBe(0);
});

test('an unknown flag ends the command with the list of flags, before anything starts', async () => {
  const command = run('start', '--one');
  expect(await command.ended).toBe(2);
  expect(command.output()).toMatch(/Unknown option '--one'[^]*--once/);
});
