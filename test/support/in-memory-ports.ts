import type { Ports } from '../../shared/ports.ts';
import { FakeBlobs, fakeClaimStore } from './fakes/claim-store-fake.ts';
import { FakeCrmQueue, fakeCrmQueue } from './fakes/crm-queue-fake.ts';
import { FakeDeliveriesTable, fakeDeliveries } from './fakes/deliveries-fake.ts';
import { Gate } from './fakes/gate.ts';
import { FakeTenant, fakeGraphDirectory } from './fakes/graph-directory-fake.ts';
import { FakeMailboxes, fakeGraphMail } from './fakes/graph-mail-fake.ts';
import { FakeSubscriptionStore, fakeGraphSubscriptions } from './fakes/graph-subscriptions-fake.ts';
import { FakeKeyBlob, fakeKeyRing } from './fakes/key-ring-fake.ts';
import { FakeFoldersTable, fakeWatchedFolders } from './fakes/watched-folders-fake.ts';
import { FakeWorkQueue, fakeWorkQueue } from './fakes/work-queue-fake.ts';
import { seededIds, seededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

export const START = Date.parse('2026-10-12T08:00:00Z');

export interface WorldOptions {
  seed?: number;
  startAt?: number;
}

/** One process of the app: its ports, and the gate through which they reach what all processes share. */
export interface AppProcess {
  ports: Ports;
  gate: Gate;
}

/**
 * Everything outside the app, in memory: what survives a crash is here, what a process holds is in `startProcess`.
 * Nothing in it uses real time or real randomness: the same seed and the same calls give the same history.
 */
export function makeWorld({ seed = 1, startAt = START }: WorldOptions = {}) {
  const clock = new VirtualClock(startAt);
  const random = seededRandom(seed);
  const newId = seededIds(random);
  const workQueue = new FakeWorkQueue(clock);
  const crmQueue = new FakeCrmQueue(clock);
  const blobs = new FakeBlobs(clock);
  const deliveries = new FakeDeliveriesTable();
  const folders = new FakeFoldersTable();
  const keys = new FakeKeyBlob();
  const mailboxes = new FakeMailboxes(clock);
  const subscriptions = new FakeSubscriptionStore(clock);
  const tenant = new FakeTenant();

  /** A fresh process with no memory. `latency`: how long each call takes, in virtual time. */
  function startProcess(latency?: (call: string) => number): AppProcess {
    const gate = new Gate(clock, latency);
    const ports: Ports = {
      workQueue: fakeWorkQueue(workQueue, gate, clock),
      crmQueue: fakeCrmQueue(crmQueue, gate),
      claims: fakeClaimStore(blobs, gate),
      deliveries: fakeDeliveries(deliveries, gate, clock),
      folders: fakeWatchedFolders(folders, gate),
      keys: fakeKeyRing(keys, gate, clock),
      mail: fakeGraphMail(mailboxes, gate),
      subscriptions: fakeGraphSubscriptions(subscriptions, gate),
      directory: fakeGraphDirectory(tenant, gate),
      random,
      newId,
      after: (ms, call) =>
        clock.after(ms, () => {
          if (!gate.isCrashed) call();
        }),
    };
    return { ports, gate };
  }

  return {
    clock,
    random,
    newId,
    workQueue,
    crmQueue,
    blobs,
    deliveries,
    folders,
    keys,
    mailboxes,
    subscriptions,
    tenant,
    startProcess,
  };
}

export type World = ReturnType<typeof makeWorld>;
