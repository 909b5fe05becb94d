import { afterEach, describe, expect, test } from 'vitest';
import { eventually, expectExactlyOnce } from '../support/app/eventually.ts';
import { startWholeApp, type WholeApp } from '../support/app/whole-app.ts';

let app: WholeApp;
afterEach(() => app.close());

const DAY_MS = 86_400_000;
const FAST = { CATCH_UP_INTERVAL: 'PT2S', RECONCILE_SCHEDULE: '* * * * * *' };

const subscriptionIds = () => app.environment.graph.control.subscriptions().map((each) => each.id);

describe('mail keeps arriving', () => {
  test('when Graph never calls: catch-up finds it [F04, F05]', async () => {
    app = await startWholeApp({ env: FAST });
    app.environment.graph.control.setNotifications({ off: true });
    const sent = [...app.deliver(20), ...app.deliver(20, 2)];
    await eventually(() => app.received().length).toBe(sent.length);
    expectExactlyOnce(app.received(), sent);
  }, 90_000);

  test('when a delta token is answered with 410: the gap is listed [F43]', async () => {
    app = await startWholeApp();
    const { graph, serviceBus } = app.environment;
    const first = app.deliver(10);
    await eventually(() => app.received().length).toBe(10);
    graph.control.setNotifications({ off: true });
    const missed = app.deliver(70);
    graph.control.expireDeltaTokens();
    graph.control.setNotifications({ off: false });
    const last = app.deliver(1);
    await eventually(() => app.received().length).toBe(81);
    expectExactlyOnce(app.received(), [...first, ...missed, ...last]);
    expect(serviceBus.counters().queues['crm-mail']?.messagesSent).toBe(81);
  }, 90_000);

  test('when a subscription nears its end: it is renewed once, past half its life [F25]', async () => {
    app = await startWholeApp();
    const { graph } = app.environment;
    const before = subscriptionIds();
    const expiries = graph.control.subscriptions().map((each) => each.expiresAt);
    app.environment.advanceClock(4 * DAY_MS);
    await app.run('renewSubscriptions');
    await eventually(() => graph.counters().requests.subscriptionRenew).toBe(before.length);
    expect(subscriptionIds().toSorted()).toEqual(before.toSorted());
    await eventually(() => Math.min(...graph.control.subscriptions().map((each) => each.expiresAt))).toBeGreaterThan(
      Math.max(...expiries),
    );
    expect(graph.counters().patchReauthorizeConflicts).toBe(0);
  }, 90_000);

  test('when a subscription is deleted behind our back: it is made anew and the mail of the gap arrives [F16]', async () => {
    app = await startWholeApp();
    const { graph } = app.environment;
    const [victim = ''] = subscriptionIds();
    graph.control.removeSubscription(victim);
    const gap = [...app.deliver(3, 0), ...app.deliver(3, 1), ...app.deliver(3, 2), ...app.deliver(3, 3)];
    // The victim's own mail may come too, by a look that was under way.
    await eventually(() => app.received().length).toBeGreaterThanOrEqual(gap.length - 3);
    await app.run('renewSubscriptions');
    await eventually(() => subscriptionIds().length).toBe(4);
    expect(subscriptionIds()).not.toContain(victim);
    await eventually(() => app.received().length).toBe(gap.length);
    expectExactlyOnce(app.received(), gap);
  }, 90_000);

  test('when Graph says subscriptionRemoved: it is made anew at once [F20]', async () => {
    app = await startWholeApp();
    const { graph } = app.environment;
    const [victim = ''] = subscriptionIds();
    graph.control.sendLifecycle('subscriptionRemoved', victim);
    const gap = app.deliver(2);
    await eventually(() => subscriptionIds().filter((id) => id !== victim).length).toBe(4);
    await eventually(() => app.received().length).toBe(gap.length);
    expectExactlyOnce(app.received(), gap);
  }, 90_000);

  test('when Graph says missed: the mailbox is looked at [F04]', async () => {
    app = await startWholeApp();
    const { graph } = app.environment;
    graph.control.setNotifications({ off: true });
    const sent = app.deliver(30);
    graph.control.sendLifecycle('missed');
    await eventually(() => app.received().length).toBe(sent.length);
    expectExactlyOnce(app.received(), sent);
  }, 90_000);

  test('when the app was down for longer than a subscription lives [F18]', async () => {
    app = await startWholeApp();
    const first = app.deliver(3);
    await eventually(() => app.received().length).toBe(3);
    await app.stopHost();
    app.environment.advanceClock(8 * DAY_MS);
    expect(subscriptionIds()).toEqual([]);
    const missed = app.deliver(120);
    await app.startHost();
    await eventually(() => app.received().length).toBe(123);
    await eventually(() => subscriptionIds().length).toBe(4);
    expectExactlyOnce(app.received(), [...first, ...missed]);
  }, 120_000);
});
