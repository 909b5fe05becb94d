import { beforeEach, describe, expect, it } from 'vitest';
import { type App, lookRing, ringUp, startApp, watchMailbox } from '../../support/app-under-test.ts';
import { makeWorld, type World } from '../../support/in-memory-ports.ts';

const MINUTE = 60_000;

let world: World;
let app: App;
beforeEach(() => {
  world = makeWorld();
  watchMailbox(world);
  app = startApp(world);
});

const patches = () => world.subscriptions.batches.length;

describe('reauthorizationRequired', () => {
  it('renews the subscription long before it is due, for Graph waits for it [F19]', async () => {
    await world.clock.advance(11 * MINUTE);
    await ringUp(app, lookRing('renew'));
    expect(patches()).toBe(1);
  });

  it('that is repeated every few minutes renews once in ten minutes [F19]', async () => {
    await world.clock.advance(11 * MINUTE);
    for (let time = 0; time < 9; time++) {
      await ringUp(app, lookRing('renew'));
      await world.clock.advance(MINUTE);
    }
    expect(patches()).toBe(1);
    await world.clock.advance(MINUTE);
    await ringUp(app, lookRing('renew'));
    expect(patches()).toBe(2);
  });
});

describe('subscriptionRemoved', () => {
  it('leads to a new subscription at once, although the old one was not due [F20]', async () => {
    world.subscriptions.all.clear();
    await ringUp(app, lookRing('removed'));
    expect(world.subscriptions.live()).toHaveLength(1);
    expect(world.folders.all()[0]?.subscription).toBe(world.subscriptions.live()[0]?.id);
  });

  it('that is not true changes nothing', async () => {
    const before = world.subscriptions.live()[0]?.id;
    await ringUp(app, lookRing('removed'));
    expect(world.subscriptions.live().map(({ id }) => id)).toEqual([before]);
    expect(patches()).toBe(0);
  });
});
