// The app in its host as a child process, the emulators around it, and a CRM that reads its queue: for tests of the whole.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ServiceBusClient } from '@azure/service-bus';
import { isIdle } from '../../../local/start/counted-operations.ts';
import { type Environment, startEnvironment } from '../../../local/start/environment.ts';
import { findFreePort } from '../../../local/start/free-port.ts';
import { type HostProcess, startHost } from '../../../local/start/host-process.ts';
import { pause, waitUntil } from '../../../local/start/wait-until.ts';
import { writeJsonFile } from '../../../local/start/write-json-file.ts';
import { type MailEvent, mailEventSchema } from '../../../shared/domain/mail-event.ts';

export interface WholeApp {
  environment: Environment;
  functionsUrl: string;
  /** Mail events as the CRM received them, duplicates and all. */
  events: MailEvent[];
  /** Immutable ids of mails on the CRM queue, in order of arrival. */
  received(): string[];
  /** Delivers `count` plain mails to a mailbox (the first one by default) and returns their immutable ids. */
  deliver(count: number, mailbox?: number): string[];
  startHost(): Promise<void>;
  /** SIGKILL: nothing is put away. */
  killHost(): Promise<void>;
  stopHost(): Promise<void>;
  /** Runs a timer now. */
  run(timer: 'reconcileMailboxes' | 'renewSubscriptions'): Promise<void>;
  log(): readonly string[];
  close(): Promise<void>;
}

export interface WholeAppOptions {
  env?: Record<string, string>;
  /** Do not start the host yet. */
  hostless?: boolean;
  mailboxes?: Environment['mailboxes'];
  /** Do not wait for subscriptions. */
  unsubscribed?: boolean;
}

export const LIMIT_MS = 60_000;

/** The same for set-up, where there is no test yet to fail. */
export async function until(what: string, condition: () => boolean, limitMs = LIMIT_MS): Promise<void> {
  const met = await waitUntil(condition, limitMs, new AbortController().signal);
  if (!met) throw new Error(`Not within ${limitMs / 1000} s: ${what}.`);
}

export async function startWholeApp(options: WholeAppOptions = {}): Promise<WholeApp> {
  const folder = await mkdtemp(path.join(tmpdir(), 'whole-app-'));
  const environment = await startEnvironment({
    ports: 'free',
    ...(options.mailboxes && { mailboxes: options.mailboxes }),
  });
  const { settings, graph, mailboxes } = environment;
  const functionsUrl = `http://127.0.0.1:${await findFreePort()}`;
  const env = { ...settings.env, PUBLIC_BASE_URL: functionsUrl, ...options.env };
  const settingsFile = path.join(folder, 'settings.json');
  await writeJsonFile(settingsFile, { env });

  const lines: string[] = [];
  let host: HostProcess | undefined;
  const events: MailEvent[] = [];
  const crm = new ServiceBusClient(settings.serviceBusConnectionString, {
    retryOptions: { timeoutInMs: 3000, retryDelayInMs: 250 },
  });
  const receiver = crm.createReceiver('crm-mail');
  receiver.subscribe(
    {
      async processMessage(message) {
        events.push(mailEventSchema.parse(message.body));
      },
      async processError() {},
    },
    { maxConcurrentCalls: 32 },
  );

  const app: WholeApp = {
    environment,
    functionsUrl,
    events,
    received: () => events.map((event) => event.subject),
    log: () => lines,
    deliver(count, mailbox = 0) {
      const { id } = mailboxes[mailbox] ?? { id: '' };
      return graph.control.deliverBulk(id, { count }).map((mail) => mail.immutableId);
    },
    async startHost() {
      host = await startHost({
        functionsUrl,
        settingsFile,
        env,
        logFile: path.join(folder, `host-${Date.now()}.log`),
        coreTools: false,
        onLine: (line) => lines.push(line),
      });
    },
    async killHost() {
      if (!host) return;
      process.kill(host.pid, 'SIGKILL');
      await host.ended;
    },
    async stopHost() {
      await host?.stop();
    },
    async run(timer) {
      const answer = await fetch(`${functionsUrl}/admin/functions/${timer}`, { method: 'POST' });
      if (answer.status !== 202) throw new Error(`The host did not run ${timer}: ${answer.status}.`);
    },
    async close() {
      await host?.stop();
      // A client whose connection was just cut may never finish closing; the broker below cuts what is left.
      await Promise.race([receiver.close().then(() => crm.close()), pause(2_000, new AbortController().signal)]);
      await environment.close();
      await rm(folder, { recursive: true, force: true });
    },
  };

  if (!options.hostless) {
    await app.startHost();
    if (!options.unsubscribed) {
      await until('every mailbox has a subscription', () => graph.control.subscriptions().length === mailboxes.length);
      await until('the first looks are over', () => isIdle(environment));
    }
  }
  return app;
}
