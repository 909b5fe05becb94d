import { expect, it } from 'vitest';
import { PermanentError } from '../../../shared/errors.ts';
import { oneMailbox } from '../../support/app-under-test.ts';

it('a folder whose row cannot be read keeps its subscription, however often the sweep comes by [F67, F24]', async () => {
  const { world, app } = oneMailbox();
  // Lists leave such a row out; asked for by itself it fails.
  app.ports.folders.list = () => Promise.resolve([]);
  app.gate.inject({ call: 'folders.get', kind: 'error', error: () => new PermanentError('storage:unreadable') });
  const sweepForHours = async () => {
    for (let turn = 0; turn < 4; turn++) {
      await app.renewSubscriptions();
      await world.clock.advance(31 * 60_000);
    }
  };
  await sweepForHours();
  expect(world.subscriptions.live()).toHaveLength(1);
  app.gate.mend();
  await sweepForHours();
  expect(world.subscriptions.live()).toHaveLength(1);
  for (const row of world.folders.all()) world.folders.put({ ...row, subscription: undefined });
  await sweepForHours();
  expect(world.subscriptions.live()).toHaveLength(0);
});
