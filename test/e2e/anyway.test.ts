import { afterEach, describe, expect, test } from 'vitest';
import { eventually, expectExactlyOnce } from '../support/app/eventually.ts';
import { startWholeApp, type WholeApp } from '../support/app/whole-app.ts';

let app: WholeApp;
afterEach(() => app.close());

/** Longer than a lease (90 s) and a lock on the work queue (2 min). */
const AFTER_A_CRASH_MS = 150_000;

describe('mail arrives exactly once', () => {
  test('with 429 and 503 on a third of all Graph calls, and nothing is dead-lettered [F35, F37]', async () => {
    app = await startWholeApp({ env: { RECONCILE_SCHEDULE: '* * * * * *' } });
    const { graph, serviceBus } = app.environment;
    graph.control.addFault({ share: 1 / 6, status: 429, code: 'TooManyRequests', retryAfter: 0.2 });
    graph.control.addFault({ share: 1 / 5, status: 503, code: 'ServiceUnavailable' });
    const sent: string[] = [];
    for (let round = 0; round < 12; round++) {
      for (const mailbox of [0, 1, 2, 3]) sent.push(...app.deliver(3, mailbox));
      await eventually(() => app.received().length).toBeGreaterThan(sent.length - 12);
    }
    await eventually(() => app.received().length, 110_000).toBe(sent.length);
    expectExactlyOnce(app.received(), sent);
    expect(serviceBus.queueState('mailbox-work').deadLettered).toBe(0);
    expect(graph.counters().faultsInjected).toBeGreaterThan(10);
  }, 150_000);

  test.each([1, 60, 140])(
    'although the host is killed after %d of 200 mails [F72]',
    async (count) => {
      app = await startWholeApp();
      const { environment } = app;
      const sent = [0, 1, 2, 3].flatMap((mailbox) => app.deliver(50, mailbox));
      await eventually(() => app.received().length).toBeGreaterThanOrEqual(count);
      await app.killHost();
      environment.advanceClock(AFTER_A_CRASH_MS);
      await app.startHost();
      await eventually(() => {
        // The lease's end and the guards behind it would take minutes of real time.
        environment.advanceClock(1_000);
        return app.received().length;
      }).toBeGreaterThanOrEqual(sent.length);
      expectExactlyOnce(app.received(), sent);
    },
    120_000,
  );

  test('although Service Bus drops every connection now and then [F60]', async () => {
    app = await startWholeApp();
    const { serviceBus } = app.environment;
    const sent: string[] = [];
    for (let round = 0; round < 5; round++) {
      sent.push(...app.deliver(10, round % 4));
      await eventually(() => app.received().length).toBeGreaterThan(round * 8);
      serviceBus.dropConnections();
    }
    await eventually(() => app.received().length).toBeGreaterThanOrEqual(sent.length);
    expectExactlyOnce([...new Set(app.received())], sent);
  }, 120_000);
});
