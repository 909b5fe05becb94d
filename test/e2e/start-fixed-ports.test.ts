import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServiceBusClient } from '@azure/service-bus';
import { expect, test, vi } from 'vitest';
import { buildApp } from '../../local/build.ts';
import { sampleMailboxByRole } from '../../local/sample-mail/sample-mailboxes.ts';
import { startEnvironment } from '../../local/start/environment.ts';
import { readMailEvent } from '../../local/start/mail-event.ts';
import { UsageError } from '../../local/start/start-options.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const WAIT = { timeout: 30_000, interval: 50 };

/** The app's folder as after `cp local.settings.sample.json local.settings.json`, without touching the real one. */
async function makeAppFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sample-settings-test-'));
  for (const name of ['host.json', 'package.json']) await copyFile(path.join(root, name), path.join(folder, name));
  await copyFile(path.join(root, 'local.settings.sample.json'), path.join(folder, 'local.settings.json'));
  await buildApp({ entry: path.join(root, 'functions/main.ts'), outfile: path.join(folder, 'dist/app.cjs') });
  return folder;
}

function startHostIn(folder: string): { output: () => string; stop(): Promise<void> } {
  const flags = ['--experimental-strip-types', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, path.join(root, 'local/functions-host/main.ts')], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  return {
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

test('a copy of local.settings.sample.json alone runs the app beside the emulators on their fixed ports', {
  timeout: 90_000,
}, async ({ skip }) => {
  const environment = await startEnvironment({ ports: 'fixed' }).catch((error: unknown) => {
    // Only when somebody works with the emulators on this machine just now; free ports would prove nothing here.
    if (error instanceof UsageError) return skip(error.message);
    throw error;
  });
  const folder = await makeAppFolder();
  const host = startHostIn(folder);
  const crm = new ServiceBusClient(environment.serviceBus.connectionString);
  try {
    await vi.waitFor(() => {
      expect(environment.graph.control.subscriptions(), host.output()).toHaveLength(environment.mailboxes.length);
    }, WAIT);
    const { sales } = sampleMailboxByRole;
    const raw = Buffer.from('From: me@example.com\r\nSubject: By the sample settings\r\n\r\nHello\r\n');
    const { immutableId } = environment.graph.control.deliverEml(sales.address, raw);
    const [message] = await crm.createReceiver('crm-mail').receiveMessages(1, { maxWaitTimeInMs: WAIT.timeout });
    const body: unknown = message?.body;
    const event = await readMailEvent(body, () => Promise.reject(new Error('This small mail needs no claim check.')));
    expect(event).toMatchObject({
      mailbox: { id: sales.id },
      message: { id: immutableId, subject: 'By the sample settings' },
    });
    const health = await fetch('http://127.0.0.1:7071/api/health');
    expect(health.status).toBe(200);
  } finally {
    await crm.close();
    await host.stop();
    await environment.close();
    await rm(folder, { recursive: true });
  }
});
