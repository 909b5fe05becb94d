import { describe, expect, it } from 'vitest';
import { makeClaimFolder } from '../../../shared/use-cases/claim-folder.ts';
import { aFolder } from '../../support/builders.ts';
import { makeWorld } from '../../support/in-memory-ports.ts';

const MINUTE = 60_000;
const always = () => true;

describe('the claim of a folder', () => {
  const twoWorkers = () => {
    const world = makeWorld();
    const folder = aFolder();
    world.folders.put(folder);
    const [first, second] = [world.startProcess(), world.startProcess()].map(({ ports }) => makeClaimFolder(ports));
    if (!first || !second) throw new Error('two workers');
    return { world, folder, first, second };
  };

  it('goes to one worker at a time [F23]', async () => {
    const { folder, first, second } = twoWorkers();
    expect(await first.claim(folder, always)).toBeDefined();
    expect(await second.claim(folder, always)).toBeUndefined();
  });

  it('passes on after a minute, and who comes back late stores nothing any more [F23, F44]', async () => {
    const { world, folder, first, second } = twoWorkers();
    const late = await first.claim(folder, always);
    await world.clock.advance(MINUTE + 1);
    const current = await second.claim(folder, always);
    if (!late || !current) throw new Error('both claimed it');
    await first.settle(late, { subscription: 'of the late one' });
    expect(world.folders.get(folder)).toMatchObject({ subscription: undefined, claim: current.claim });
    await second.settle(current, { subscription: 'of the other' });
    expect(world.folders.get(folder)).toMatchObject({ subscription: 'of the other', claim: '' });
  });

  it('is given back with what came of it', async () => {
    const { world, folder, first, second } = twoWorkers();
    const claimed = await first.claim(folder, always);
    if (!claimed) throw new Error('claimed');
    await first.settle(claimed, { maxMinutes: 60 });
    expect(world.folders.get(folder)).toMatchObject({ maxMinutes: 60, claim: '' });
    expect(await second.claim(folder, always)).toBeDefined();
  });
});
