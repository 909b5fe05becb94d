import { describe, expect, it, vi } from 'vitest';
import { TransientError } from '../../../shared/errors.ts';
import { aNotification } from '../../support/builders.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { HOUR, Installation, MINUTE, usualLatency } from './installation.ts';
import { officeDay } from './office.ts';

// Hours of virtual time are seconds of real work, more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const DAY = 24 * HOUR;

const STATES = ['well', 'no access', 'no licence', 'moving to another server', 'well'] as const;

/** Puts a mailbox into a state; its mail goes on coming in all of them. */
function put(installation: Installation, mailbox: string, state: (typeof STATES)[number]): void {
  const { troubles } = installation.mailboxes;
  troubles.delete(mailbox);
  installation.traffic.refusing.delete(mailbox);
  if (state === 'no access') troubles.set(mailbox, 'no-access');
  if (state === 'no licence') troubles.set(mailbox, 'not-found');
  if (state === 'moving to another server')
    installation.traffic.refusing.set(mailbox, () => new TransientError('graph:503'));
}

describe('the life of a mailbox', () => {
  it.each(Array.from({ length: process.env['BIG'] ? 30 : 3 }, (_, n) => n + 1))(
    'loses no mail through any course of states, and no other mailbox notices: course %d [F34, F42]',
    async (seed) => {
      const installation = await Installation.ready({ mailboxes: 3, seed });
      const [changing = '', ...others] = installation.ids;
      installation.terms.latency = usualLatency;
      officeDay(installation, 5 * DAY, 2);
      const random = seededRandom(seed);
      for (let at = 0; at < 4 * DAY; at += random() * 12 * HOUR)
        installation.later(at, () =>
          put(installation, changing, STATES[Math.floor(random() * STATES.length)] ?? 'well'),
        );
      installation.later(4 * DAY, () => put(installation, changing, 'well'));
      await installation.run(4 * DAY);
      const lost = installation.stores.deliveries.ledger(changing).filter(({ state }) => state !== 'published');
      expect(lost).toEqual([]);
      // A suspended mailbox counts from its next probe, at most a day away.
      await installation.run(DAY + HOUR);
      expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
      expect(Math.max(...installation.books.delays((mailbox) => others.includes(mailbox)))).toBeLessThan(MINUTE);
      const [row] = installation.stores.folders.all().filter(({ mailbox }) => mailbox === changing);
      expect(row?.state).toBe('active');
    },
  );
});

describe('notifications of a subscription that is gone', () => {
  it('are harmless however late they come: one look, nothing twice [F02, F03]', async () => {
    const installation = await Installation.ready({ mailboxes: 1 });
    const [mailbox = ''] = installation.ids;
    const { subscriptions } = installation.stores;
    installation.terms.latency = usualLatency;
    const [old] = subscriptions.live();
    const mails = Array.from({ length: 30 }, () => installation.deliver(mailbox));
    await installation.run(10 * MINUTE);
    if (old) subscriptions.all.delete(old.id);
    installation.notifications.lifecycle(mailbox, 'missed');
    await installation.run(HOUR);
    expect(subscriptions.live().map(({ id }) => id)).not.toContain(old?.id);
    const before = installation.graphCalls();
    // Backwards, and among them one of a mail that nobody was told of.
    installation.notifications.dropShare = 1;
    const unknown = installation.deliver(mailbox);
    for (const mail of [...mails, unknown].toReversed())
      installation.notifications.post(aNotification({ clientState: old?.clientState ?? '', mailbox, id: mail.id }), 0);
    await installation.run(MINUTE);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(installation.graphCalls() - before).toBeLessThanOrEqual(3);
  });
});

describe('a mail that is moved in behind the cursor', () => {
  it('arrives if it was received since the watch began, and does not if it is older [F48]', async () => {
    const installation = await Installation.ready({ mailboxes: 1 });
    const [mailbox = ''] = installation.ids;
    installation.terms.latency = usualLatency;
    const begin = installation.time.now();
    await installation.run(3 * HOUR);
    installation.notifications.dropShare = 1;
    installation.deliver(mailbox, { receivedAt: new Date(begin + MINUTE) });
    const old = installation.deliver(mailbox, { receivedAt: new Date(begin - DAY) });
    installation.books.forgo(mailbox, old.id);
    await installation.run(HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
  });
});

describe('a watched folder', () => {
  const FOLDER = 'Inbox/Sales';

  async function withFolder() {
    const installation = new Installation({ mailboxes: 1, config: { folderNames: [FOLDER] } });
    const [mailbox = ''] = installation.ids;
    installation.stores.tenant.folders.set(`${mailbox}/${FOLDER}`, 'sales-1');
    installation.terms.latency = usualLatency;
    installation.later(0, () => installation.reconcile());
    await installation.run(5 * MINUTE);
    installation.deliver(mailbox, { parentFolderId: 'sales-1' });
    await installation.run(5 * MINUTE);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    return { installation, mailbox };
  }

  it('that is renamed or moved goes on being watched by its id [F49]', async () => {
    const { installation, mailbox } = await withFolder();
    installation.stores.tenant.folders.set(`${mailbox}/${FOLDER}`, undefined);
    await installation.run(2 * HOUR);
    installation.deliver(mailbox, { parentFolderId: 'sales-1' });
    await installation.run(HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
  });

  it('that is deleted and made anew is found again by its name [F49]', async () => {
    const { installation, mailbox } = await withFolder();
    installation.removeFolder(mailbox, 'sales-1');
    installation.stores.tenant.folders.set(`${mailbox}/${FOLDER}`, undefined);
    await installation.run(2 * HOUR);
    expect(installation.stores.folders.all().map(({ state }) => state)).toEqual(['suspended']);
    installation.stores.tenant.folders.set(`${mailbox}/${FOLDER}`, 'sales-2');
    installation.deliver(mailbox, { parentFolderId: 'sales-2' });
    await installation.run(DAY);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    const watched = installation.stores.folders.all().filter(({ wanted }) => wanted);
    expect(watched.map(({ folderId, state }) => ({ folderId, state }))).toEqual([
      { folderId: 'sales-2', state: 'active' },
    ]);
    expect(installation.stores.subscriptions.live().map(({ folderId }) => folderId)).toEqual(['sales-2']);
  });
});
