import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../shared/errors.ts';
import {
  arrived,
  lookRing,
  messageIdFor,
  ringUp,
  runRings,
  startApp,
  watchMailbox,
} from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';
import { makeWorld } from '../../support/in-memory-ports.ts';

const throttled = () => new TransientError('graph:429:TooManyRequests', { retryAfterMs: 30_000 });

/** A page of mails whose content is asked for; `latency` in virtual time. */
function aPage(latency: (call: string) => number) {
  const world = makeWorld();
  watchMailbox(world);
  const mails = Array.from({ length: 47 }, () => world.mailboxes.add(MAILBOX, aMail()));
  return { world, mails, app: startApp(world, { includeMime: true }, latency) };
}

describe('the first refusal for throttling in a page', () => {
  it('ends the page: nothing more is asked for until the pause is over [F36]', async () => {
    const { world, mails, app } = aPage((call) => (call === 'mail.openMime' ? 100 : 0));
    app.gate.inject({ call: 'mail.openMime', kind: 'error', error: throttled });
    await world.clock.runUntilDone(ringUp(app, lookRing()));
    expect(app.gate.count('mail.openMime')).toBeLessThanOrEqual(4);
    await world.clock.advance(20_000);
    expect(app.gate.count('mail.openMime')).toBeLessThanOrEqual(4);
    app.gate.mend();
    await runRings(world, app);
    expect(arrived(world).toSorted()).toEqual(mails.map((mail) => messageIdFor(mail)).toSorted());
    expect(world.crmQueue.sends).toHaveLength(47);
  });

  it('stops what is under way before the lane is let go [F36]', async () => {
    let asked = 0;
    const { world, app } = aPage((call) => (call === 'mail.openMime' ? (asked++ === 0 ? 100 : 8_000) : 0));
    app.gate.inject({ call: 'mail.openMime', nth: 1, kind: 'error', error: throttled });
    const startedAt = world.clock.now();
    await world.clock.runUntilDone(ringUp(app, lookRing()));
    const lane = world.deliveries.lane(MAILBOX);
    expect(lane).toMatchObject({ holder: '', failures: 1 });
    expect(world.clock.now() - startedAt, 'the siblings were waited for instead of stopped').toBeLessThan(8_000);
    await world.clock.advance(25_000);
    const after = app.gate.calls.slice(app.gate.calls.lastIndexOf('deliveries.writeLane') + 1);
    expect(after).toEqual([]);
  });

  it('sends no retry rings for mails that fail after it', async () => {
    let asked = 0;
    const { world, app } = aPage((call) => (call === 'mail.openMime' ? (asked++ === 0 ? 100 : 5_000) : 0));
    app.gate.inject({ call: 'mail.openMime', nth: 1, kind: 'error', error: throttled });
    app.gate.inject({ call: 'mail.openMime', kind: 'error', error: () => new RangeError('odd content') });
    await world.clock.runUntilDone(ringUp(app, lookRing()));
    await world.clock.advance(25_000);
    expect(world.workQueue.sent.filter(({ ring }) => ring.retry)).toEqual([]);
  });
});
