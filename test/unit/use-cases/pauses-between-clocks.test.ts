import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../shared/errors.ts';
import { lookRing, oneMailbox, ringUp } from '../../support/app-under-test.ts';
import { MAILBOX } from '../../support/builders.ts';
import { START } from '../../support/in-memory-ports.ts';

/** By so much the clocks of two workers may differ: services state their time in whole seconds. */
const CLOCKS_DIFFER_MS = 3_000;

describe('a pause that Graph asked for', () => {
  it('is over for no other worker too early, though its clock be a little ahead [F25, F35]', async () => {
    const { world, app } = oneMailbox();
    const error = () => new TransientError('graph:429:ApplicationThrottled', { retryAfterMs: 400_000 });
    app.gate.inject({ call: 'mail.openChain', kind: 'error', error });
    await ringUp(app, lookRing());
    expect(world.deliveries.lane(MAILBOX).leaseEnd.getTime()).toBe(START + 400_000 + CLOCKS_DIFFER_MS);
    expect(world.workQueue.sent.at(-1)?.at).toBeGreaterThan(START + 400_000 + CLOCKS_DIFFER_MS);
  });
});
