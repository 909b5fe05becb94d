import { beforeEach, describe, expect, it } from 'vitest';
import { aMail, INBOX, MAILBOX } from '../../support/builders.ts';
import {
  type App,
  arrived,
  chainOf,
  lookRing,
  messageIdFor,
  oneMailbox,
  ringFor,
  ringUp,
  rowOf,
  runRings,
  startApp,
  watchMailbox,
} from '../../support/app-under-test.ts';
import { makeWorld, START, type World } from '../../support/in-memory-ports.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let world: World;
let app: App;

/** A mailbox whose first audit is due a day after the watch began. */
beforeEach(() => {
  world = makeWorld();
  watchMailbox(world, MAILBOX, INBOX, { watchStart: new Date(START), auditAt: undefined });
  app = startApp(world);
});

const look = async (ring = lookRing()) => {
  await world.clock.runUntilDone(ringUp(app, ring));
};
const results = () => app.ports.deliveries.audits(MAILBOX);
const mailAt = (minutes: number, changes = {}) => aMail({ receivedAt: new Date(START + minutes * MINUTE), ...changes });

/** A mail that delta and notifications never tell of. */
function unseen(minutes: number, changes = {}) {
  const mail = mailAt(minutes, changes);
  world.mailboxes.add(MAILBOX, mail, { deltaLagMs: 365 * DAY });
  return mail;
}

describe('a look that finds the last audit a day old', () => {
  it('publishes what delta and notifications never showed, and counts it as found by the audit [F04, F48]', async () => {
    await world.clock.advance(10 * MINUTE);
    const hidden = unseen(10);
    await look();
    expect(arrived(world)).toEqual([]);
    await world.clock.advance(DAY);
    await look();
    expect(arrived(world)).toEqual([messageIdFor(hidden)]);
    expect(await results()).toMatchObject([{ notification: 0, catchUp: 0, audit: 1, missing: 0 }]);
    expect(rowOf(world, hidden)).toMatchObject({ state: 'published', foundBy: 'audit' });
  });

  it('counts mails by what brought them, per mailbox and day', async () => {
    await world.clock.advance(MINUTE);
    const rung = mailAt(1);
    world.mailboxes.add(MAILBOX, rung);
    await look(ringFor(rung));
    for (const minute of [2, 3]) world.mailboxes.add(MAILBOX, mailAt(minute));
    await look();
    for (const minute of [4, 5, 6]) unseen(minute);
    await world.clock.advance(DAY);
    await look();
    expect(await results()).toMatchObject([{ notification: 1, catchUp: 2, audit: 3, missing: 0 }]);
    expect(await app.manageMailboxes.report(MAILBOX)).toMatchObject({
      audits: [{ day: '2026-10-13', notification: 1, catchUp: 2, audit: 3, missing: 0 }],
    });
  });

  it('counts a mail as missing that is parked or failing', async () => {
    const broken = mailAt(1);
    world.mailboxes.add(MAILBOX, broken, { shape: 'partial', breaks: 100 });
    await world.clock.advance(MINUTE);
    await look();
    await runRings(world, app, DAY);
    await look();
    await world.clock.advance(DAY);
    await look();
    expect((await results()).at(0)).toMatchObject({ missing: 1 });
  });

  it('leaves alone what is younger than a catch-up interval: it may be on its way', async () => {
    await world.clock.advance(DAY);
    const young = aMail({ receivedAt: new Date(world.clock.now() - 2 * MINUTE) });
    world.mailboxes.add(MAILBOX, young, { deltaLagMs: 5 * MINUTE });
    await look();
    expect(arrived(world)).toEqual([]);
    expect(await results()).toMatchObject([{ audit: 0 }]);
    await world.clock.advance(DAY);
    await look();
    expect(arrived(world)).toEqual([messageIdFor(young)]);
  });

  it('finds a mail that was moved in with an old date, and sends nothing that is from before the watch [F48]', async () => {
    const moved = mailAt(1, { parentFolderId: 'elsewhere' });
    world.mailboxes.add(MAILBOX, moved);
    await world.clock.advance(DAY);
    await look();
    await world.clock.advance(12 * HOUR);
    // Delta does not tell of the move.
    world.mailboxes.remove(MAILBOX, moved.id);
    world.mailboxes.add(MAILBOX, { ...moved, parentFolderId: INBOX }, { deltaLagMs: 365 * DAY });
    unseen(-60);
    await world.clock.advance(12 * HOUR);
    await look();
    expect(arrived(world)).toEqual([messageIdFor(moved)]);
    expect((await results()).at(0)).toMatchObject({ audit: 1 });
  });

  it('does not fetch drafts and old mails by id', async () => {
    unseen(1, { isDraft: true });
    unseen(-60);
    await world.clock.advance(DAY);
    app.gate.calls.length = 0;
    await look();
    expect(app.gate.calls.filter((call) => call === 'mail.getMail')).toEqual([]);
    expect(arrived(world)).toEqual([]);
  });

  it('costs two requests a day where nothing is missing', async () => {
    await world.clock.advance(MINUTE);
    world.mailboxes.add(MAILBOX, mailAt(1));
    await look();
    await world.clock.advance(DAY);
    app.gate.calls.length = 0;
    await look();
    await look();
    expect(app.gate.calls.filter((call) => call === 'mail.listSince')).toHaveLength(2);
  });
});

describe('an audit', () => {
  it('goes on where it was after the slice or the worker ended, and counts each mail once', async () => {
    for (let minute = 1; minute <= 450; minute++) unseen(minute);
    await world.clock.advance(DAY);
    app.gate.inject({ call: 'mail.listSince', nth: 4, kind: 'crash' });
    await world.clock.runUntilDone(Promise.race([ringUp(app, lookRing()).catch(() => undefined), app.gate.crashed]));
    app = startApp(world);
    await world.clock.advance(2 * MINUTE);
    await look();
    expect(new Set(arrived(world)).size).toBe(450);
    expect(arrived(world)).toHaveLength(450);
    expect(await results()).toMatchObject([{ audit: 450, missing: 0 }]);
  });

  it('that is not let through holds up no mail and goes on an hour later', async () => {
    const hidden = unseen(1);
    await world.clock.advance(DAY);
    app.gate.inject({ call: 'mail.listSince', nth: 1, kind: 'error' });
    const fresh = aMail({ receivedAt: new Date(world.clock.now()) });
    world.mailboxes.add(MAILBOX, fresh);
    await look();
    expect(arrived(world)).toEqual([messageIdFor(fresh)]);
    expect(world.deliveries.lane(MAILBOX).holder).toBe('');
    app.gate.mend();
    const next = world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now()) }));
    await look();
    expect(arrived(world)).toEqual([messageIdFor(fresh), messageIdFor(next)]);
    await world.clock.advance(HOUR);
    await look();
    expect(arrived(world)).toContain(messageIdFor(hidden));
  });

  it('goes back an hour before the end of the last one', async () => {
    await world.clock.advance(DAY);
    await look();
    const first = chainOf(world)?.auditedTo;
    expect(first).toEqual(new Date(START + DAY - 10 * MINUTE));
    await world.clock.advance(DAY);
    await look();
    expect((await results()).at(0)?.from).toEqual(new Date((first?.getTime() ?? 0) - HOUR));
  });
});

describe('a mailbox that was just taken up', () => {
  it('is not audited before a day has passed', async () => {
    const { world: fresh, app: other } = oneMailbox();
    await fresh.clock.runUntilDone(ringUp(other, lookRing()));
    expect(await other.ports.deliveries.audits(MAILBOX)).toEqual([]);
  });
});
