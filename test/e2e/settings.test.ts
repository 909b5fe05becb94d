import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/app/eventually.ts';
import { startWholeApp, type WholeApp } from '../support/app/whole-app.ts';

let app: WholeApp;
afterEach(() => app.close());

// What vitest's matchers return is untyped.
const containing = (items: unknown[]): unknown => expect.arrayContaining(items);
const shaped = (shape: object): unknown => expect.objectContaining(shape);
const textWith = (part: string): unknown => expect.stringContaining(part);

const health = async () => {
  const answer = await fetch(`${app.functionsUrl}/api/health`);
  const body: unknown = await answer.json();
  return { status: answer.status, body };
};

const named = (settings: string[]) => ({
  status: 503,
  body: { problems: containing(settings.map((setting) => shaped({ setting }))) },
});

describe('wrong settings', () => {
  test('are all listed at once, the handshake works, and nothing is read or burned [F78]', async () => {
    app = await startWholeApp({
      unsubscribed: true,
      env: {
        TENANT_ID: '',
        DataStorage: 'not a connection string',
        ServiceBus: '',
        MAILBOXES: 'not an address',
        CATCH_UP_INTERVAL: '10 minutes',
        GRAPH_BASE_URL: 'http://graph.microsoft.com/v1.0',
      },
    });
    const found = await health();
    expect(found).toMatchObject(
      named(['TENANT_ID', 'DataStorage', 'ServiceBus', 'MAILBOXES', 'CATCH_UP_INTERVAL', 'GRAPH_BASE_URL']),
    );
    expect(JSON.stringify(found.body)).not.toContain('not a connection string');
    const handshake = await fetch(`${app.functionsUrl}/api/notifications?validationToken=t`, { method: 'POST' });
    expect(await handshake.text()).toBe('t');
    const notification = await fetch(`${app.functionsUrl}/api/notifications`, { method: 'POST', body: '{"value":[]}' });
    expect(notification.status).toBe(503);
    const timer = await fetch(`${app.functionsUrl}/admin/functions/reconcileMailboxes`, { method: 'POST' });
    expect(timer.status).toBe(404);
    expect(app.environment.graph.counters().httpRequests).toBe(0);
    expect(app.environment.serviceBus.counters().total.operations).toBe(0);
  }, 60_000);

  test.each(['TENANT_ID', 'DataStorage', 'ServiceBus', 'MAILBOXES'])(
    'a missing %s is named',
    async (setting) => {
      app = await startWholeApp({ unsubscribed: true, env: { [setting]: '' } });
      expect(await health()).toMatchObject(named([setting]));
    },
    60_000,
  );
});

describe('a mailbox that cannot be read', () => {
  test('is listed with state, reason, since when and whose move, while the others go on [F32]', async () => {
    app = await startWholeApp({ hostless: true });
    const { graph, mailboxes, settings } = app.environment;
    const [refused, ...others] = mailboxes;
    graph.control.setMailboxState(refused?.id ?? '', 'accessDenied');
    await app.startHost();
    await expect.poll(() => graph.control.subscriptions().length, { timeout: 20_000 }).toBe(others.length);
    const list = async (): Promise<unknown> => (await fetch(`${app.functionsUrl}/api/mailboxes`)).json();
    await eventually(list).toMatchObject({
      mailboxes: containing([
        shaped({
          address: refused?.address,
          folders: [
            shaped({
              state: 'suspended',
              move: 'administrator',
              reason: textWith('no access'),
            }),
          ],
        }),
        shaped({
          address: others[0]?.address,
          folders: [shaped({ state: 'active' })],
        }),
      ]),
    });
    const sent = app.deliver(2, 1);
    await expect.poll(() => app.received().toSorted(), { timeout: 20_000 }).toEqual(sent.toSorted());
    expect(settings.mailboxes.length).toBe(mailboxes.length);
  }, 60_000);
});
