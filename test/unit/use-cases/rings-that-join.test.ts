import { describe, expect, it } from 'vitest';
import { compose } from '../../../shared/compose.ts';
import { folderKey } from '../../../shared/domain/delta.ts';
import { parseRing, type Ring } from '../../../shared/domain/work-item.ts';
import {
  arrived,
  lookRing,
  messageIdFor,
  oneMailbox,
  ringFor,
  ringUp,
  runRings,
  startApp,
  watchMailbox,
} from '../../support/app-under-test.ts';
import { aConfig, aMail, INBOX, INBOX_KEY, MAILBOX } from '../../support/builders.ts';
import { makeWorld, START, type World } from '../../support/in-memory-ports.ts';

/** A message of the queue holds 256 KB. */
const MESSAGE_BYTES = 256_000;
const SALES = 'sales-id';

describe('a ring for one folder that relies on the guard of another', () => {
  it('is not forgotten when the slice ends before the folder that is being read', async () => {
    const { world } = oneMailbox();
    watchMailbox(world, MAILBOX, SALES);
    for (let count = 0; count < 450; count++) world.mailboxes.add(MAILBOX, aMail());
    const holder = startApp(world, {}, (call) => (call.startsWith('mail.') ? 15_000 : 1));
    const other = startApp(world, {}, () => 1);

    const slice = ringUp(holder, lookRing('timer', [INBOX_KEY]));
    await world.clock.advance(40_000);
    await world.clock.runUntilDone(ringUp(other, lookRing('missed', [INBOX_KEY])));
    const inSales = world.mailboxes.add(MAILBOX, aMail({ parentFolderId: SALES }));
    const sent = world.workQueue.sent.length;
    await world.clock.runUntilDone(ringUp(other, { ...ringFor(inSales), folders: [folderKey(SALES)] }));
    expect(world.workQueue.sent, 'the guard of the first ring stands for the second').toHaveLength(sent);
    await world.clock.runUntilDone(slice);
    await runRings(world, startApp(world));

    expect(arrived(world)).toContain(messageIdFor(inSales));
    expect(arrived(world)).toHaveLength(451);
  });
});

/** Rings of a busy mailbox: each names as many mails as fit. */
const fullRings = (count: number): Ring[] =>
  Array.from({ length: count }, (_, ring) => ({
    mailbox: MAILBOX,
    folders: [INBOX_KEY],
    ids: Array.from({ length: 600 }, (__, id) => `AAkALgAAAAAAHYQ-${ring}-${id}-`.padEnd(150, 'x')),
  }));

const idsOf = (rings: Ring[]) => new Set(rings.flatMap((ring) => [...ring.ids, ...(ring.retry ?? [])]));

function expectToFit(world: World): void {
  const sizes = world.workQueue.bodies().map(({ body }) => Buffer.byteLength(body));
  expect(Math.max(...sizes)).toBeLessThan(MESSAGE_BYTES);
}

const waiting = (world: World) => world.workQueue.waiting().flatMap(({ ring }) => ring ?? []);

describe('rings that are merged', () => {
  it('of dead letters still fit a message each, and no mail is forgotten [F58]', async () => {
    const { world, app } = oneMailbox();
    const dead = fullRings(30);
    for (const ring of dead) world.workQueue.bury(JSON.stringify({ v: 1, ...ring }));
    await app.reconcileMailboxes();
    expect(world.workQueue.deadLetters()).toEqual([]);
    expectToFit(world);
    expect(idsOf(waiting(world))).toEqual(idsOf(dead));
  });

  it('of dead letters that ask for retries still fit a message each', async () => {
    const { world, app } = oneMailbox();
    const dead = fullRings(30).map(({ ids, ...ring }): Ring => ({ ...ring, ids: [], retry: ids }));
    for (const ring of dead) world.workQueue.bury(JSON.stringify({ v: 1, ...ring }));
    await app.reconcileMailboxes();
    expectToFit(world);
    const rings = waiting(world);
    expect(new Set(rings.flatMap((ring) => ring.retry ?? []))).toEqual(idsOf(dead));
    expect(rings.every((ring) => ring.look !== undefined)).toBe(true);
  });

  it('by a failure that hits all who wait still fit a message each', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, {}, (call) => (call.startsWith('mail.') ? 500 : 1));
    app.gate.inject({ call: 'mail.openChain', kind: 'error' });
    const rings = fullRings(17);
    const all = rings.map((ring) => ringUp(app, ring));
    await world.clock.runUntilDone(Promise.all(all));
    expectToFit(world);
    expect(idsOf(waiting(world))).toEqual(idsOf(rings));
    expect(waiting(world).map((ring) => parseRing({ v: 1, ...ring }))).toEqual(waiting(world));
  });
});

describe('a clock of which one reading is a minute ahead', () => {
  /** A process whose n-th reading of the service's clock is wrong. */
  function glitching(world: World, nth: number) {
    const process = world.startProcess((call) => (call.startsWith('mail.') ? 200 : 1));
    let readings = 0;
    const now = () => world.clock.now() + (++readings === nth ? 61_000 : 0);
    const ports = { ...process.ports, deliveries: { ...process.ports.deliveries, clock: { now } } };
    return { ...compose(aConfig(), ports, new Date(START)), ...process };
  }

  it('leaves no ring without an answer and loses no mail, whichever reading it is', async () => {
    for (let nth = 1; nth <= 40; nth++) {
      const world = makeWorld();
      watchMailbox(world, MAILBOX, INBOX);
      const app = glitching(world, nth);
      const first = ringUp(app, lookRing());
      await world.clock.advance(150);
      // The second round, for those who wait, has several pages.
      const mails = Array.from({ length: 120 }, () => world.mailboxes.add(MAILBOX, aMail()));
      const second = ringUp(app, ringFor(...mails));
      const third = ringUp(app, lookRing('missed'));
      await world.clock.runUntilDone(Promise.all([first, second, third])).catch((cause: unknown) => {
        throw new Error(`a ring hangs when reading ${nth} is wrong`, { cause });
      });
      await runRings(world, startApp(world));
      expect(arrived(world), `reading ${nth}`).toHaveLength(mails.length);
    }
  });
});
