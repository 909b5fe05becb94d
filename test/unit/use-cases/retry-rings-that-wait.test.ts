import { describe, expect, it } from 'vitest';
import { FREE } from '../../../shared/domain/lane.ts';
import { lookRing, oneMailbox, ringUp } from '../../support/app-under-test.ts';
import { MAILBOX } from '../../support/builders.ts';
import { START } from '../../support/in-memory-ports.ts';

const HELD_BY_ANOTHER = {
  holder: 'somebody',
  leaseEnd: new Date(START + 90_000),
  marked: false,
  guardAt: new Date(0),
  failures: 0,
  at: '',
};
const retryRing = { ...lookRing('again'), retry: ['AAkAfailing='] };

describe('a ring that retries a mail, while another worker reads the mailbox', () => {
  it('sends itself once, however often the lane changes under it [F44, F63]', async () => {
    const { world, app } = oneMailbox();
    world.deliveries.of(MAILBOX).lane = HELD_BY_ANOTHER;
    for (const nth of [1, 2, 3, 4]) app.gate.inject({ call: 'deliveries.writeLane', nth, kind: 'conflict' });

    await ringUp(app, retryRing);

    expect(world.workQueue.sent).toEqual([{ ring: { ...retryRing, waited: 1 }, at: START + 95_000, sentAt: START }]);
    expect(world.deliveries.lane(MAILBOX).marked).toBe(true);
  });

  it('ends at a guarded lane after it was sent on five times: copies must not grow without end [F01, F51]', async () => {
    const { world, app } = oneMailbox();
    const leaseEnd = new Date(START + 600_000);
    const guardAt = new Date(START + 605_000);
    world.deliveries.of(MAILBOX).lane = { ...FREE, holder: 'other', leaseEnd, guardAt, marked: true };
    await ringUp(app, { ...retryRing, waited: 4 });
    expect(world.workQueue.sent).toHaveLength(1);
    await ringUp(app, { ...retryRing, waited: 5 });
    expect(world.workQueue.sent).toHaveLength(1);
  });

  it('sends itself once during a pause of a moment [F35, F63]', async () => {
    const { world, app } = oneMailbox();
    const leaseEnd = new Date(START + 500);
    world.deliveries.of(MAILBOX).lane = { ...HELD_BY_ANOTHER, holder: '', leaseEnd };
    for (const nth of [1, 2, 3, 4]) app.gate.inject({ call: 'deliveries.writeLane', nth, kind: 'conflict' });

    await ringUp(app, retryRing);

    expect(world.workQueue.sent.map(({ at }) => at)).toEqual([START + 1_000]);
  });

  it.each([
    ['the mark cannot be written', { call: 'deliveries.writeLane', nth: 1, kind: 'error' }],
    ['the lane changes and cannot be read again', { call: 'deliveries.load', nth: 2, kind: 'error' }],
  ] as const)('sends itself once where %s [F65]', async (_, fault) => {
    const { world, app } = oneMailbox();
    world.deliveries.of(MAILBOX).lane = HELD_BY_ANOTHER;
    if (fault.call === 'deliveries.load') app.gate.inject({ call: 'deliveries.writeLane', nth: 1, kind: 'conflict' });
    app.gate.inject(fault);

    await ringUp(app, retryRing);

    expect(world.workQueue.sent.map(({ at }) => at)).toEqual([START + 95_000]);
  });

  it('sends itself again where the lease was made longer than it waits', async () => {
    const { world, app } = oneMailbox();
    world.deliveries.of(MAILBOX).lane = HELD_BY_ANOTHER;
    app.gate.inject({ call: 'deliveries.writeLane', nth: 1, kind: 'conflict' });
    const ringing = ringUp(app, retryRing);
    world.deliveries.of(MAILBOX).lane = { ...HELD_BY_ANOTHER, leaseEnd: new Date(START + 120_000) };
    await ringing;

    expect(world.workQueue.sent.at(-1)?.at).toBe(START + 125_000);
    expect(world.deliveries.lane(MAILBOX)).toMatchObject({ marked: true, guardAt: new Date(START + 125_000) });
  });
});
