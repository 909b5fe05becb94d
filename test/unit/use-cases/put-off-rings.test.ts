import { describe, expect, it } from 'vitest';
import { arrived, lookRing, messageIdFor, oneMailbox, ringUp, runRings } from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';

describe('a ring that cannot be answered because tables are down', () => {
  it('is put off by a copy of itself, and completed [F65]', async () => {
    const { world, app } = oneMailbox();
    app.gate.inject({ call: 'deliveries.load', kind: 'error' });
    await ringUp(app, lookRing());
    expect(world.workQueue.sent.map(({ ring }) => ring)).toEqual([{ ...lookRing(), putOff: 1 }]);
    expect(world.workQueue.sent[0]?.at).toBeGreaterThan(world.clock.now());
  });

  it('stays on the queue while that cannot be sent either, and is answered once both are back [F52, F65]', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail());
    app.gate.inject({ call: 'deliveries.load', kind: 'error' }, { call: 'workQueue.send', kind: 'error' });
    await expect(ringUp(app, lookRing())).rejects.toThrow();
    expect(world.workQueue.sent).toEqual([]);
    app.gate.mend();
    await ringUp(app, lookRing());
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });
});
