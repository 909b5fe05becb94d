// One environment that stands through all kills: the emulators keep their state, the host comes and goes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ServiceBusClient } from '@azure/service-bus';
import { BlobServiceClient } from '@azure/storage-blob';
import type { ObservedStep } from '../../../local/observed-step.ts';
import { sampleMailboxByRole } from '../../../local/sample-mail/sample-mailboxes.ts';
import { type Environment, startEnvironment } from '../../../local/start/environment.ts';
import { startHost } from '../../../local/start/host-process.ts';
import { pause } from '../../../local/start/wait-until.ts';
import { writeJsonFile } from '../../../local/start/write-json-file.ts';
import { type MailEvent, mailEventSchema } from '../../../shared/domain/mail-event.ts';
import { Activity } from './activity.ts';
import { findBlobFaults } from './claim-checks.ts';

const { sales, support, invoices, maria } = sampleMailboxByRole;
const GROUP = '7b1c9f52-0d3e-4c1a-9a55-2f4e6d8c1b90';
const FOLDERS = ['inbox', 'archive'];
const MINUTE_MS = 60_000;

const LONGEST_WAIT_MS = 90_000;
const FIRST_LEAP_MS = 10_000;
const LONGEST_LEAP_MS = 5 * MINUTE_MS;

/** A mail event as the CRM sees it. */
export interface Arrival {
  event: MailEvent;
  /** What is wrong with the blobs it refers to, at the moment it arrives. */
  blobFaults: Promise<string[]>;
}

export interface Stage {
  environment: Environment;
  /** Mailboxes that are wanted, by the role in the samples. */
  mailboxes: { first: string; second: string; leaving: string };
  arrivals: Arrival[];
  /** Immutable ids of the mails that must arrive. */
  sent: string[];
  isUp(): boolean;
  startHost(): Promise<void>;
  killHost(): Promise<void>;
  /** Puts everything back to the very beginning; the host has to be down. */
  reset(): Promise<void>;
  /** Arms one blow: the host dies at the nth step that fits. `onlyCut` loses the step and spares the host. */
  arm(fits: (step: ObservedStep) => boolean, nth: number, onlyCut?: boolean): { struck(): ObservedStep | undefined };
  disarm(): void;
  /** Delivers plain mails that must arrive. */
  deliver(count: number, mailbox?: string, folder?: string): void;
  deliverEml(bytes: Uint8Array, mailbox?: string): void;
  /** Sets the wanted group to those who stay, or to all. */
  setGroup(whole: boolean): void;
  /** How many subscriptions there must be, and how many there are of the folders that are watched. */
  wantedSubscriptions(): number;
  /** Lets hours pass for the services, as a jump; nothing waits for it. */
  pass(ms: number): void;
  run(timer: 'reconcileMailboxes' | 'renewSubscriptions'): Promise<void>;
  /**
   * Waits until a condition holds; whenever all is quiet, it leaps forward in time and runs the timers that were due.
   * False if it does not hold after so much virtual time.
   */
  until(condition: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean>;
  log: string[];
  close(): Promise<void>;
}

const wait = (ms: number) => pause(ms, new AbortController().signal);

export async function openStage(): Promise<Stage> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kill-matrix-'));
  const log: string[] = [];
  const arrivals: Arrival[] = [];
  const fetched = new Set<string>();
  const sent: string[] = [];
  let pid: number | undefined;
  let ended: Promise<unknown> = Promise.resolve();
  let blow:
    | { fits: (step: ObservedStep) => boolean; left: number; onlyCut: boolean; struck?: ObservedStep }
    | undefined;
  let isWhole = true;

  function onStep(step: ObservedStep): 'drop' | undefined {
    activity.note(step);
    if (blow === undefined || blow.struck || !blow.fits(step) || --blow.left > 0) return undefined;
    blow.struck = step;
    if (!blow.onlyCut && pid !== undefined) process.kill(pid, 'SIGKILL');
    return 'drop';
  }

  const activity = new Activity(async () => {
    if (pid === undefined) return;
    const answer = await fetch(`${settings.functionsUrl}/api/health`).catch(() => undefined);
    await answer?.arrayBuffer().catch(() => undefined);
  });
  function hostEnded(): void {
    pid = undefined;
    activity.hostEnded();
  }

  const environment = await startEnvironment({ ports: 'free', onStep });
  const { graph, serviceBus, storage, settings } = environment;
  const env = {
    ...settings.env,
    MAILBOXES: [sales, support].map(({ address }) => address).join(','),
    MAILBOX_GROUP_ID: GROUP,
    MAIL_FOLDERS: FOLDERS.join(','),
    // So long that catch-up repairs nothing: the rings alone have to.
    CATCH_UP_INTERVAL: 'PT6H',
    INCLUDE_MIME: 'true',
    INCLUDE_ATTACHMENTS: 'true',
  };
  const settingsFile = path.join(folder, 'settings.json');
  await writeJsonFile(settingsFile, { env });

  const crm = new ServiceBusClient(settings.serviceBusConnectionString);
  const receiver = crm.createReceiver('crm-mail');
  const blobs = BlobServiceClient.fromConnectionString(storage.uncountedConnectionString);
  receiver.subscribe(
    {
      async processMessage({ body, sequenceNumber }) {
        // A lock that ended while time leapt brings the same message again; that is no second mail event.
        if (sequenceNumber === undefined || fetched.has(sequenceNumber.toString())) return;
        fetched.add(sequenceNumber.toString());
        const event = mailEventSchema.parse(body);
        const blobFaults = findBlobFaults(blobs, event);
        arrivals.push({ event, blobFaults });
        await blobFaults;
      },
      async processError() {},
    },
    { maxConcurrentCalls: 32 },
  );

  function setGroup(whole: boolean): void {
    isWhole = whole;
    const members = [invoices.id, ...(whole ? [maria.id] : [])];
    graph.control.setGroup({ id: GROUP, members });
  }

  function prepareGraph(): void {
    // The tests wait for no second between two notifications.
    graph.control.setKnobs({ notificationIntervalMs: 20 });
    setGroup(true);
  }
  prepareGraph();

  const stage: Stage = {
    environment,
    mailboxes: { first: sales.id, second: support.id, leaving: maria.id },
    arrivals,
    sent,
    log,
    setGroup,
    wantedSubscriptions: () => (isWhole ? 4 : 3) * FOLDERS.length,
    isUp: () => pid !== undefined,
    async startHost() {
      const { functionsUrl } = settings;
      const logFile = path.join(folder, 'host.log');
      const onLine = (line: string) => log.push(line);
      const onSpawn = (id: number) => {
        pid = id;
        activity.hostStarts();
      };
      try {
        const host = await startHost({ functionsUrl, settingsFile, env, logFile, coreTools: false, onLine, onSpawn });
        ended = host.ended.then(hostEnded);
      } catch (error) {
        hostEnded();
        // Killed on purpose before it was ready.
        if (!blow?.struck) throw error;
      }
    },
    async killHost() {
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      await ended;
    },
    async reset() {
      const { offsetMs } = graph.control.clock();
      blow = undefined;
      graph.reset();
      serviceBus.reset();
      await storage.reset();
      // The other two keep their time.
      graph.control.advanceClock(offsetMs);
      prepareGraph();
      arrivals.length = 0;
      fetched.clear();
      sent.length = 0;
      log.length = 0;
    },
    arm(fits, nth, onlyCut = false) {
      const armed: NonNullable<typeof blow> = { fits, left: nth, onlyCut };
      blow = armed;
      return { struck: () => armed.struck };
    },
    disarm() {
      blow = undefined;
    },
    deliver(count, mailbox = sales.id, folderName = 'inbox') {
      const mails = graph.control.deliverBulk(mailbox, { count, folder: folderName });
      sent.push(...mails.map((mail) => mail.immutableId));
    },
    deliverEml(bytes, mailbox = sales.id) {
      sent.push(graph.control.deliverEml(mailbox, bytes).immutableId);
    },
    pass: (ms) => environment.advanceClock(ms),
    async run(timer) {
      const asking = fetch(`${settings.functionsUrl}/admin/functions/${timer}`, { method: 'POST' });
      // The timer may have been at the failpoint before the host could answer.
      const answer = await asking.catch((error: unknown) => {
        if (!blow?.struck) throw error;
      });
      if (answer && answer.status !== 202) throw new Error(`The host did not run ${timer}: ${answer.status}.`);
    },
    async until(condition, limitMs) {
      const giveUpAt = performance.now() + LONGEST_WAIT_MS;
      let passed = 0;
      let leap = FIRST_LEAP_MS;
      activity.wait();
      for (;;) {
        if (await condition()) return true;
        if (performance.now() > giveUpAt) return false;
        if (!(await activity.isQuiet())) {
          await wait(5);
          continue;
        }
        if (passed >= limitMs) return false;
        activity.wait();
        environment.advanceClock(leap);
        const minutes = Math.floor((passed + leap) / MINUTE_MS);
        const halfHours = Math.floor((passed + leap) / (30 * MINUTE_MS));
        if (pid !== undefined && minutes > Math.floor(passed / MINUTE_MS))
          await stage.run('reconcileMailboxes').catch(() => {});
        if (pid !== undefined && halfHours > Math.floor(passed / (30 * MINUTE_MS)))
          await stage.run('renewSubscriptions').catch(() => {});
        passed += leap;
        leap = Math.min(leap * 1.25, LONGEST_LEAP_MS);
      }
    },
    async close() {
      await stage.killHost();
      await Promise.race([receiver.close().then(() => crm.close()), wait(2_000)]);
      await environment.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return stage;
}
