import { describe, expect, it } from 'vitest';
import { DATED_SINCE, isUnfinished, ledgerKey } from '../../../shared/domain/delivery.ts';
import { arrived, lookRing, messageIdFor, oneMailbox, ringUp, rowOf, runRings } from '../../support/app-under-test.ts';
import { aMail, INBOX, MAILBOX } from '../../support/builders.ts';
import { START } from '../../support/in-memory-ports.ts';

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

describe('a mail that failed twice: before its received time was known, and after', () => {
  /** The first note is not among what the second look reads of the ledger. */
  async function failedTwice(breaks: number) {
    const { world, app, mail } = await anUndatedFailingMail(1);
    const { ledger } = world.deliveries.of(MAILBOX);
    const notes = ledger.all();
    for (const { key } of notes) ledger.delete(key);
    ledger.save([
      {
        key: ledgerKey(mail.receivedAt, mail.id),
        id: mail.id,
        state: 'failing',
        attempts: 1,
        recordedAt: new Date(START),
      },
      ...notes,
    ]);
    const stored = world.mailboxes.stored(MAILBOX, mail.id);
    if (!stored) throw new Error('no mail');
    stored.breaks = breaks;
    return { world, app, mail };
  }

  it('is published by a later retry, whichever of them is tried first [F57]', async () => {
    const { world, app, mail } = await failedTwice(1);
    await runRings(world, app, 6 * HOUR_MS);
    await ringUp(app, { ...lookRing('again'), retry: [mail.id] });
    await runRings(world, app, 6 * HOUR_MS);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    expect(world.deliveries.of(MAILBOX).ledger.all().filter(isUnfinished)).toEqual([]);
  });

  it('is parked once when it never works [F57]', async () => {
    const { world, app, mail } = await failedTwice(50);
    await runRings(world, app, 24 * HOUR_MS);
    expect(world.deliveries.of(MAILBOX).ledger.all().filter(isUnfinished)).toHaveLength(1);
    expect(rowOf(world, mail)?.state).toBe('parked');
  });

  it('is published though the wrong one of them was closed by a clock that was off [F57, F25]', async () => {
    const { world, app, mail } = await failedTwice(0);
    const { ledger } = world.deliveries.of(MAILBOX);
    const row = rowOf(world, mail);
    if (!row) throw new Error('no row');
    ledger.save([{ ...row, state: 'gone', reason: DATED_SINCE }]);
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    expect(ledger.all().filter(isUnfinished)).toEqual([]);
  });
});

it('the note of a failure is closed when its mail was published meanwhile and is deleted', async () => {
  const { world, app } = oneMailbox();
  const mail = world.mailboxes.add(MAILBOX, aMail());
  await ringUp(app, lookRing());
  const later = ledgerKey(new Date(START + 5_000), mail.id);
  world.deliveries
    .of(MAILBOX)
    .ledger.save([{ key: later, id: mail.id, state: 'failing', attempts: 1, recordedAt: new Date(START) }]);
  world.mailboxes.remove(MAILBOX, mail.id);
  await ringUp(app, { ...lookRing('again'), retry: [mail.id] });
  expect(world.deliveries.of(MAILBOX).ledger.all().filter(isUnfinished)).toEqual([]);
  expect(rowOf(world, mail)?.state).toBe('published');
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
