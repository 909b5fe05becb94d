import { afterEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { eventually, expectExactlyOnce } from '../support/app/eventually.ts';
import { startWholeApp, type WholeApp } from '../support/app/whole-app.ts';

let app: WholeApp;
afterEach(() => app.close());

describe('a mail', () => {
  test('is published and sent once although every notification comes three times, shuffled [F01, F02]', async () => {
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

  test('that is read, flagged and moved away and back is not sent again', async () => {
    app = await startWholeApp();
    const { graph, mailboxes, serviceBus } = app.environment;
    const mailbox = mailboxes[0]?.id ?? '';
    const sent = app.deliver(3);
    await eventually(() => app.received().length).toBe(3);
    const call = await graphCaller(app);
    for (const id of sent) {
      await call('PATCH', `/users/${mailbox}/messages/${id}`, { isRead: true, flag: { flagStatus: 'flagged' } });
      await call('POST', `/users/${mailbox}/messages/${id}/move`, { destinationId: 'archive' });
      await call('POST', `/users/${mailbox}/messages/${id}/move`, { destinationId: 'inbox' });
    }
    graph.control.expireDeltaTokens();
    const more = app.deliver(1);
    await eventually(() => app.received().length).toBe(4);
    await eventually(() => serviceBus.queueState('mailbox-work')).toMatchObject({ active: 0, locked: 0 });
    expectExactlyOnce(app.received(), [...sent, ...more]);
    expect(serviceBus.counters().queues['crm-mail']?.messagesSent).toBe(4);
  }, 90_000);
});

/** Calls the local Graph as another app of the tenant would, with a token of its own and immutable ids. */
async function graphCaller({ environment }: WholeApp) {
  const { graph } = environment;
  const asked = `${graph.identityEndpoint}?api-version=2019-08-01&resource=${encodeURIComponent('https://graph.microsoft.com')}`;
  const answer = await fetch(asked, { headers: { 'X-IDENTITY-HEADER': graph.identityHeader } });
  const { access_token } = z.object({ access_token: z.string() }).parse(await answer.json());
  return async (method: string, path: string, body: unknown) => {
    const response = await fetch(`${graph.graphUrl}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${access_token}`,
        'Content-Type': 'application/json',
        Prefer: 'IdType="ImmutableId"',
      },
      body: JSON.stringify(body),
    });
    expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true);
  };
}
