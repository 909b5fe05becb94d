import { describe, expect, it } from 'vitest';
import { Installation, MINUTE } from './installation.ts';

/** A mailbox whose sync takes several pages, and a hook before each of its calls. */
async function busyMailbox() {
  const installation = await Installation.ready();
  const [mailbox = ''] = installation.ids;
  installation.notifications.dropShare = 1;
  installation.timersRun = false;
  for (let n = 0; n < 120; n++) installation.deliver(mailbox);
  let calls = 0;
  let strike: ((call: string, nth: number) => void) | undefined;
  installation.terms.latency = () => 20;
  installation.terms.onCall = (call) => {
    calls++;
    strike?.(call, calls);
  };
  return {
    installation,
    mailbox,
    calls: () => calls,
    /** Calls `work` just before call number `nth`. */
    at(nth: number, work: () => void) {
      strike = (_, n) => {
        if (n === nth) work();
      };
    },
  };
}

describe('"missed" while a sync is running', () => {
  it('brings in what came after the look, whichever step it meets [F21]', async () => {
    let steps = 0;
    for (let nth = 1; ; nth++) {
      const { installation, mailbox, calls, at } = await busyMailbox();
      at(nth, () => {
        installation.deliver(mailbox);
        installation.notifications.lifecycle(mailbox, 'missed');
      });
      installation.notifications.lifecycle(mailbox, 'missed');
      await installation.run(10 * MINUTE);
      expect(installation.books.difference(), `"missed" at call ${nth}`).toEqual({ missing: 0, extra: 0 });
      steps = nth;
      if (calls() < nth) break;
    }
    expect(steps).toBeGreaterThan(10);
  });
});
