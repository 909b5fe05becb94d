import { beforeEach, describe, expect, it } from 'vitest';
import type { Mail } from '../../../shared/domain/mail.ts';
import { mailEventSchema } from '../../../shared/domain/mail-event.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';
import {
  type App,
  arrived,
  chainOf,
  lookRing,
  messageIdFor,
  oneMailbox,
  ringUp,
  runRings,
  startApp,
} from '../../support/app-under-test.ts';
import { START, type World } from '../../support/in-memory-ports.ts';

const MINUTE = 60_000;

let world: World;
let app: App;
let mails: Mail[];

/** Seventy mails that were all published, one a minute. */
beforeEach(async () => {
  ({ world, app } = oneMailbox());
  await world.clock.advance(80 * MINUTE);
  mails = Array.from({ length: 70 }, (_, minute) => {
    const mail = aMail({ receivedAt: new Date(START + minute * MINUTE) });
    return world.mailboxes.add(MAILBOX, mail);
  });
  await ringUp(app, lookRing());
  expect(arrived(world)).toHaveLength(70);
  world.crmQueue.events.length = 0;
});

const idsOf = () => world.crmQueue.events.map(({ body }) => mailEventSchema.parse(JSON.parse(body)).id);
const ids = (from: number) => mails.slice(from).map((mail) => messageIdFor(mail));

describe('a replay that the operator asked for', () => {
  it('sends the events of the mails since then once more: a new MessageId, the same CloudEvents id', async () => {
    await app.manageMailboxes.sync(MAILBOX, false, new Date(START + 10 * MINUTE));
    await runRings(world, app);
    expect(idsOf().toSorted()).toEqual(ids(10).toSorted());
    for (const messageId of arrived(world)) expect(ids(0)).not.toContain(messageId);
    expect(new Set(arrived(world)).size).toBe(60);
  });

  it('ends, and leaves later looks as they were', async () => {
    await app.manageMailboxes.sync(MAILBOX, false, new Date(START));
    await runRings(world, app);
    expect(chainOf(world)?.replay).toBeUndefined();
    await ringUp(app, lookRing());
    expect(new Set(arrived(world)).size).toBe(70);
  });

  it('goes on after a crash with the same MessageIds, so that the queue sees each once [F59]', async () => {
    app.gate.inject({ call: 'deliveries.commit', nth: 2, kind: 'crash' });
    await app.manageMailboxes.sync(MAILBOX, false, new Date(START));
    void app.processMailboxWork(world.workQueue.receive()?.body);
    await world.clock.advance(10 * MINUTE);
    app = startApp(world);
    await runRings(world, app);
    expect(new Set(idsOf())).toEqual(new Set(ids(0)));
    expect(new Set(arrived(world)).size).toBe(70);
  });

  it('sends a mail that came meanwhile once, as ever', async () => {
    await app.manageMailboxes.sync(MAILBOX, false, new Date(START + 60 * MINUTE));
    const fresh = world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now() + 1_000) }));
    await runRings(world, app);
    expect(idsOf().filter((id) => id === messageIdFor(fresh))).toHaveLength(1);
    expect(arrived(world)).toContain(messageIdFor(fresh));
  });

  it('asked for twice is two replays', async () => {
    for (let turn = 0; turn < 2; turn++) {
      await app.manageMailboxes.sync(MAILBOX, false, new Date(START + 65 * MINUTE));
      await runRings(world, app);
    }
    expect(arrived(world)).toHaveLength(10);
    expect(new Set(arrived(world)).size).toBe(10);
    expect(new Set(idsOf())).toEqual(new Set(ids(65)));
  });
});
