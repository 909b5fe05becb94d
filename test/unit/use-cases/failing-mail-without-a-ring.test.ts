import { expect, it } from 'vitest';
import { arrived, lookRing, messageIdFor, oneMailbox, ringUp, runRings } from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';

it('a failing mail whose retry ring is gone is tried again by a later look [F57]', async () => {
  const { world, app } = oneMailbox();
  const mail = world.mailboxes.add(MAILBOX, aMail(), { shape: 'partial', breaks: 1 });
  await ringUp(app, lookRing());
  expect(arrived(world)).toEqual([]);
  // The mailbox was taken away while the ring came, and is watched again later.
  const chains = world.deliveries.of(MAILBOX).chains;
  const setWanted = (wanted: boolean) => {
    for (const row of world.folders.all()) world.folders.put({ ...row, wanted });
    for (const [folder, chain] of chains) chains.set(folder, { ...chain, wanted });
  };
  setWanted(false);
  await runRings(world, app);
  setWanted(true);
  await world.clock.advance(2 * 3_600_000);
  await ringUp(app, lookRing());
  expect(arrived(world)).toEqual([messageIdFor(mail)]);
});
