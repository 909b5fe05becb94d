import { afterEach, describe, expect, test } from 'vitest';
import { eventually, expectExactlyOnce } from '../support/app/eventually.ts';
import { startWholeApp, type WholeApp } from '../support/app/whole-app.ts';

let app: WholeApp;
afterEach(() => app.close());

describe('a mail', () => {
  test('is published and sent once although every notification comes three times, shuffled', async () => {
    app = await startWholeApp();
    const { graph, serviceBus } = app.environment;
    graph.control.setNotifications({ duplicateShare: 1, duplicates: 2, shuffle: true });
    const sent = [...app.deliver(30), ...app.deliver(30, 1)];
    await eventually(() => app.received().length).toBeGreaterThanOrEqual(sent.length);
    await eventually(() => graph.control.notificationsIdle()).toBe(true);
    await eventually(() => serviceBus.queueState('mailbox-work')).toMatchObject({
      active: 0,
      locked: 0,
      deadLettered: 0,
    });
    expectExactlyOnce(app.received(), sent);
    expect(serviceBus.counters().queues['crm-mail']?.messagesSent).toBe(sent.length);
    expect(graph.counters().notificationItemsSent).toBeGreaterThanOrEqual(3 * sent.length);
    expect(graph.counters().highestConcurrency).toBeLessThanOrEqual(4);
  }, 90_000);

  test('that is read, flagged or moved within the folder tree after delivery is not sent again', async () => {
    app = await startWholeApp();
    const { graph, mailboxes, serviceBus } = app.environment;
    const [mailbox] = mailboxes;
    const sent = app.deliver(5);
    await eventually(() => app.received().length).toBe(sent.length);
    graph.control.expireDeltaTokens();
    app.deliver(1, 1);
    await eventually(() => app.received().length).toBe(sent.length + 1);
    const more = app.deliver(1);
    await eventually(() => app.received().length).toBe(sent.length + 2);
    expect(app.received()).toEqual(expect.arrayContaining([...sent, ...more]));
    expect(serviceBus.counters().queues['crm-mail']?.messagesSent).toBe(sent.length + 2);
    expect(mailbox).toBeDefined();
  }, 90_000);
});
