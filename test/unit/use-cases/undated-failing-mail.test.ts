import { describe, expect, it } from 'vitest';
import { isUnfinished } from '../../../shared/domain/delivery.ts';
import { arrived, lookRing, messageIdFor, oneMailbox, ringUp, rowOf, runRings } from '../../support/app-under-test.ts';
import { aMail, INBOX, MAILBOX } from '../../support/builders.ts';

const ARCHIVE = 'archive-id';
const HOUR_MS = 3_600_000;
/** More than a look reads of the ledger. */
const MANY = 120;

/** A watched mailbox with a mail that fails this often, at first without anybody knowing when it was received. */
async function anUndatedFailingMail(breaks: number) {
  const { world, app } = oneMailbox();
  const mail = world.mailboxes.add(MAILBOX, aMail(), { shape: 'undated', breaks });
  await world.clock.advance(1_500);
  await ringUp(app, lookRing());
  expect(rowOf(world, mail)).toBeUndefined();
  const unfinished = () => world.deliveries.of(MAILBOX).ledger.all().filter(isUnfinished);
  expect(unfinished()).toHaveLength(1);
  return { world, app, mail, unfinished };
}

describe('a mail that failed before its received time was known', () => {
  it('is in the ledger under its received time once it is published, and no longer failing', async () => {
    const { world, app, mail, unfinished } = await anUndatedFailingMail(1);
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    expect(rowOf(world, mail)?.state).toBe('published');
    expect(unfinished()).toEqual([]);
  });

  it('is not published again when it comes back into its folder weeks later [F57, F43]', async () => {
    const { world, app, mail } = await anUndatedFailingMail(1);
    await runRings(world, app);
    world.mailboxes.move(MAILBOX, mail.id, ARCHIVE);
    for (let i = 0; i < MANY; i++) {
      await world.clock.advance(6 * HOUR_MS);
      world.mailboxes.add(MAILBOX, aMail());
      await ringUp(app, lookRing());
      await runRings(world, app, 0);
    }
    world.mailboxes.move(MAILBOX, mail.id, INBOX);
    await ringUp(app, lookRing());
    await runRings(world, app);
    expect(arrived(world).filter((id) => id === messageIdFor(mail))).toHaveLength(1);
  });

  it('is closed where a page published it meanwhile [F57]', async () => {
    const { world, app, mail, unfinished } = await anUndatedFailingMail(1);
    const { ledger } = world.deliveries.of(MAILBOX);
    // Its own look did not have the row of the failure at hand.
    const failed = ledger.all();
    for (const { key } of failed) ledger.delete(key);
    world.mailboxes.move(MAILBOX, mail.id, ARCHIVE);
    world.mailboxes.move(MAILBOX, mail.id, INBOX);
    await ringUp(app, lookRing('again'));
    expect(rowOf(world, mail)?.state).toBe('published');
    ledger.save(failed);
    await runRings(world, app);
    expect(unfinished()).toEqual([]);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('is parked once, under its received time where that is known by then', async () => {
    const { world, app, unfinished } = await anUndatedFailingMail(20);
    await runRings(world, app, 6 * HOUR_MS);
    expect(unfinished().map(({ state, attempts }) => ({ state, attempts }))).toEqual([
      { state: 'parked', attempts: 5 },
    ]);
  });
});

it('a failing mail that turns out to be a draft is not asked for any more', async () => {
  const { world, app } = oneMailbox();
  const draft = world.mailboxes.add(MAILBOX, aMail({ isDraft: true }), { shape: 'undated', breaks: 1 });
  await ringUp(app, lookRing());
  await runRings(world, app);
  app.gate.calls.length = 0;
  for (let look = 0; look < 3; look++) {
    await world.clock.advance(2 * HOUR_MS);
    await ringUp(app, lookRing());
  }
  expect(app.gate.count('mail.getMail')).toBe(0);
  expect(world.deliveries.of(MAILBOX).ledger.all().filter(isUnfinished)).toEqual([]);
  expect(arrived(world)).not.toContain(messageIdFor(draft));
});

it('the ledger keeps saying published when a doubled retry finds the mail deleted', async () => {
  const { world, app } = oneMailbox();
  const mail = world.mailboxes.add(MAILBOX, aMail());
  await ringUp(app, lookRing());
  world.mailboxes.remove(MAILBOX, mail.id);
  await ringUp(app, { ...lookRing('again'), retry: [mail.id] });
  expect(rowOf(world, mail)?.state).toBe('published');
});
