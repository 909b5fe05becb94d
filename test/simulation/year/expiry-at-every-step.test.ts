import { describe, expect, it } from 'vitest';
import { resourceOf, settledInstallation } from './settled-installation.ts';
import { HOUR, MINUTE } from './tenant.ts';

/** One renewal that is due; at the n-th step of it (a call of a store, or a request on Graph's side) the subscription ends. */
async function renewal(timer: 'renew' | 'reconcile', endsAt: number) {
  const settled = settledInstallation({ mailboxes: 1, ageMs: () => 40 * HOUR });
  const { tenant, installation, coverage, members, runFor, startTimers, bare } = settled;
  const [mailbox = ''] = members;
  let steps = 0;
  const step = () => {
    const found = ++steps === endsAt && tenant.on(resourceOf(mailbox));
    if (found) found.expiresAt = tenant.time.now();
  };
  const running = installation.start();
  await runFor(MINUTE);
  for (const row of installation.folders.all())
    installation.folders.put({ ...row, renewAt: new Date(tenant.time.now()) });
  running.gate.onCall = step;
  tenant.trouble = () => {
    step();
    return undefined;
  };
  tenant.partTrouble = () => {
    step();
    return undefined;
  };
  const sent = () => installation.queue.sent.get('created') ?? 0;
  installation.fire(timer, running);
  await runFor(2 * MINUTE);
  const stepsOfRun = steps;
  const madeInRun = coverage.created - 1;
  running.gate.onCall = undefined;
  startTimers();
  await runFor(40 * MINUTE);
  return {
    ...settled,
    stepsOfRun,
    madeInRun,
    rings: sent(),
    row: settled.row(mailbox),
    live: tenant.on(resourceOf(mailbox)),
    bare,
  };
}

describe.each(['renew', 'reconcile'] as const)('a subscription that expires while the %s timer renews it', (timer) => {
  it('is made anew whatever the step, known by its row, and its mailbox looked at [F16]', async () => {
    const { stepsOfRun } = await renewal(timer, -1);
    expect(stepsOfRun).toBeGreaterThan(5);
    let anew = 0;
    let atOnce = 0;
    for (let at = 1; at <= stepsOfRun; at++) {
      const { live, row, rings, tenant, coverage, madeInRun } = await renewal(timer, at);
      atOnce += madeInRun;
      expect(live, `step ${at}`).toBeDefined();
      expect(row, `step ${at}`).toMatchObject({ subscription: live?.id, state: 'active', claim: '' });
      expect(row?.expiresAt?.getTime(), `step ${at}`).toBe(live?.expiresAt);
      expect(tenant.all.size, `step ${at}`).toBe(1);
      // Mail that came in between is found by a look now and one three minutes later.
      if (coverage.created > 1) expect(rings, `step ${at}`).toBeGreaterThanOrEqual(2);
      if (coverage.created > 1) anew++;
    }
    expect(anew).toBeGreaterThan(2);
    // Graph's 404 for the renewal is answered at once, not when somebody looks the next time.
    expect(atOnce).toBeGreaterThan(1);
  });
});
