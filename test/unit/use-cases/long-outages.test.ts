import { describe, expect, it } from 'vitest';
import { ringFor, ringUp, oneMailbox, runRings } from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

describe('a ring during an outage of the tables', () => {
  it('comes again ever more slowly, so that hours of outage cost few deliveries [F65]', async () => {
    const { world, app } = oneMailbox();
    app.gate.inject({ call: 'deliveries.load', kind: 'error' });
    await ringUp(app, ringFor('AAkAmail='));

    expect(await runRings(world, app, HOUR)).toBeLessThan(25);

    const waits = world.workQueue.sent.map(({ at, sentAt }) => at - sentAt);
    expect(waits[0]).toBeLessThanOrEqual(30_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(5 * MINUTE);
  });

  it('still names its mails when it is over, and waits shortly in the next outage [F65]', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail(), { deltaLagMs: 2 * HOUR });
    app.gate.inject({ call: 'deliveries.load', kind: 'error' });
    await ringUp(app, ringFor(mail));
    await runRings(world, app, 20 * MINUTE);
    app.gate.mend();
    await runRings(world, app, 20 * MINUTE);
    expect(world.crmQueue.events).toHaveLength(1);
    expect(world.workQueue.length).toBe(0);

    app.gate.inject({ call: 'deliveries.load', kind: 'error' });
    await ringUp(app, ringFor('AAkAother='));
    const [last] = world.workQueue.sent.slice(-1);
    expect((last?.at ?? 0) - (last?.sentAt ?? 0)).toBeLessThanOrEqual(30_000);
  });
});
