import { describe, expect, it } from 'vitest';
import { withInvocationLog } from '../../../shared/log.ts';
import { arrived, lookRing, messageIdFor, oneMailbox, ringUp, rowOf, runRings } from '../../support/app-under-test.ts';
import { aChain, aMail, MAILBOX } from '../../support/builders.ts';

const ARCHIVE = 'archive-id';
const DAY_MS = 86_400_000;

/** A watched mailbox with a mail whose reading fails this often before it works. */
async function aFailingMail(breaks: number) {
  const { world, app } = oneMailbox();
  const mail = world.mailboxes.add(MAILBOX, aMail(), { shape: 'partial', breaks });
  await ringUp(app, lookRing());
  return { world, app, mail };
}

describe('a mail that failed or was parked', () => {
  it('is published although it was moved to a folder that nobody watches before its retry [F40]', async () => {
    const { world, app, mail } = await aFailingMail(1);
    expect(rowOf(world, mail)?.state).toBe('failing');
    world.mailboxes.move(MAILBOX, mail.id, ARCHIVE);
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    expect(rowOf(world, mail)?.state).toBe('published');
  });

  it('is published by the operator although it was moved while it was parked [F40, F59]', async () => {
    const { world, app, mail } = await aFailingMail(5);
    await runRings(world, app);
    expect(rowOf(world, mail)?.state).toBe('parked');
    world.mailboxes.move(MAILBOX, mail.id, ARCHIVE);
    await world.clock.advance(3 * DAY_MS);
    await app.manageMailboxes.sync(MAILBOX, true);
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it.each([ARCHIVE, 'unwatched-id'])(
    'is published where another folder is watched only since later: %s',
    async (to) => {
      const { world, app, mail } = await aFailingMail(1);
      const watchStart = new Date(world.clock.now() + 1_000);
      // Before and after the inbox in the order of rows.
      for (const folder of ['-first', 'zz-last'])
        world.deliveries.of(MAILBOX).chains.set(folder, { ...aChain({ folderId: ARCHIVE, watchStart }), folder });
      const chains = [...world.deliveries.of(MAILBOX).chains].toSorted(([a], [b]) => (a < b ? -1 : 1));
      world.deliveries.of(MAILBOX).chains.clear();
      for (const [folder, chain] of chains) world.deliveries.of(MAILBOX).chains.set(folder, chain);
      world.mailboxes.move(MAILBOX, mail.id, to);
      await runRings(world, app);
      expect(arrived(world)).toEqual([messageIdFor(mail)]);
      expect(rowOf(world, mail)?.state).toBe('published');
    },
  );

  it('leaves a warning in the log when it is gone before its retry', async () => {
    const { world, app, mail } = await aFailingMail(1);
    world.mailboxes.remove(MAILBOX, mail.id);
    const lines: string[] = [];
    await withInvocationLog(
      (level, line) => lines.push(`${level} ${line}`),
      () => runRings(world, app),
    );
    expect(rowOf(world, mail)?.state).toBe('gone');
    expect(lines.filter((line) => line.startsWith('warn ') && line.includes(mail.id))).toHaveLength(1);
  });

  it('does not bring in other mail of folders that nobody watches', async () => {
    const { world, app } = await aFailingMail(1);
    const unwatched = world.mailboxes.add(MAILBOX, aMail({ parentFolderId: ARCHIVE }));
    await ringUp(app, { ...lookRing(), retry: [unwatched.id] });
    await runRings(world, app);
    expect(arrived(world)).not.toContain(messageIdFor(unwatched));
  });
});
