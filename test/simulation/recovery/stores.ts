import type { Ports } from '../../../shared/ports.ts';
import { FakeBlobs, fakeClaimStore } from '../../support/fakes/claim-store-fake.ts';
import { FakeCrmQueue, fakeCrmQueue } from '../../support/fakes/crm-queue-fake.ts';
import { FakeDeliveriesTable, fakeDeliveries } from '../../support/fakes/deliveries-fake.ts';
import type { Gate } from '../../support/fakes/gate.ts';
import { FakeTenant, fakeGraphDirectory } from '../../support/fakes/graph-directory-fake.ts';
import { fakeGraphMail } from '../../support/fakes/graph-mail-fake.ts';
import { FakeSubscriptionStore, fakeGraphSubscriptions } from '../../support/fakes/graph-subscriptions-fake.ts';
import { FakeKeyBlob, fakeKeyRing } from '../../support/fakes/key-ring-fake.ts';
import { FakeFoldersTable, fakeWatchedFolders } from '../../support/fakes/watched-folders-fake.ts';
import { FakeWorkQueue, fakeWorkQueue } from '../../support/fakes/work-queue-fake.ts';
import { seededIds, seededRandom } from '../../support/seeded-random.ts';
import type { VirtualClock } from '../../support/virtual-clock.ts';
import { GeneratedMailboxes } from './generated-mailboxes.ts';

/** Everything outside the processes of the app, in memory. */
export function makeStores<T extends VirtualClock>(time: T, seed: number) {
  return {
    time,
    random: seededRandom(seed),
    workQueue: new FakeWorkQueue(time),
    crmQueue: new FakeCrmQueue(time),
    deliveries: new FakeDeliveriesTable(),
    folders: new FakeFoldersTable(),
    blobs: new FakeBlobs(time),
    keys: new FakeKeyBlob(),
    mailboxes: new GeneratedMailboxes(time),
    subscriptions: new FakeSubscriptionStore(time),
    tenant: new FakeTenant(),
  };
}

export type StoresInMemory = ReturnType<typeof makeStores>;

/** The stores as one process reaches them through its gate. */
export function portsThrough(stores: StoresInMemory, gate: Gate, after: Ports['after']): Ports {
  const { time, random } = stores;
  return {
    workQueue: fakeWorkQueue(stores.workQueue, gate, time),
    crmQueue: fakeCrmQueue(stores.crmQueue, gate),
    claims: fakeClaimStore(stores.blobs, gate),
    deliveries: fakeDeliveries(stores.deliveries, gate, time),
    folders: fakeWatchedFolders(stores.folders, gate),
    keys: fakeKeyRing(stores.keys, gate, time),
    mail: fakeGraphMail(stores.mailboxes, gate),
    subscriptions: fakeGraphSubscriptions(stores.subscriptions, gate),
    directory: fakeGraphDirectory(stores.tenant, gate),
    random,
    newId: seededIds(random),
    after,
  };
}
