import { afterEach, describe, expect, test } from 'vitest';
import { eventually, expectExactlyOnce } from '../support/app/eventually.ts';
import { startWholeApp, type WholeApp } from '../support/app/whole-app.ts';

let app: WholeApp;
afterEach(() => app.close());

const everythingDown = async () => {
  const { graph, serviceBus, storage } = app.environment;
  serviceBus.pause();
  graph.control.addFault({ reset: true });
  await storage.setFaults([
    { service: 'table', dropConnection: 'before' },
    { service: 'blob', dropConnection: 'before' },
  ]);
};

const handshake = async (route: string) => {
  const answer = await fetch(`${app.functionsUrl}/api/${route}?validationToken=a%20token`, {
    method: 'POST',
    signal: AbortSignal.timeout(1_000),
  });
  return { status: answer.status, text: await answer.text() };
};

describe('with Service Bus, storage and Graph all down', () => {
  test('both routes answer the handshake within a second, fifty at a time [F11]', async () => {
    app = await startWholeApp({ hostless: true });
    await everythingDown();
    await app.startHost();
    const routes = ['notifications', 'lifecycle-notifications'];
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => handshake(routes[index % 2] ?? '')));
    expect(answers).toEqual(answers.map(() => ({ status: 200, text: 'a token' })));
  }, 60_000);

  test('a notification is not acknowledged, and nothing is lost once they are back [F09]', async () => {
    app = await startWholeApp();
    const { graph, serviceBus, storage } = app.environment;
    await everythingDown();
    const sent = app.deliver(5);
    await eventually(() => graph.counters().notificationPostsFailed).toBeGreaterThan(0);
    expect(app.received()).toEqual([]);
    serviceBus.resume();
    graph.control.clearFaults();
    await storage.setFaults([]);
    await eventually(() => {
      // Graph's next try, and the pauses of the app, come after seconds to minutes.
      app.environment.advanceClock(5_000);
      return app.received().length;
    }, 90_000).toBe(sent.length);
    expectExactlyOnce(app.received(), sent);
  }, 150_000);
});

describe('with tables down', () => {
  test('notifications are still acknowledged, and their mail arrives afterwards [F65]', async () => {
    app = await startWholeApp();
    const { graph, serviceBus, storage } = app.environment;
    await storage.setFaults([{ service: 'table', status: 503 }]);
    const sent = app.deliver(5);
    await eventually(() => graph.counters().notificationItemsSent).toBe(5);
    expect(graph.counters().notificationPostsFailed).toBe(0);
    await eventually(() => serviceBus.queueState('mailbox-work').scheduled).toBeGreaterThan(0);
    await storage.setFaults([]);
    await eventually(() => {
      app.environment.advanceClock(1_000);
      return app.received().length;
    }).toBe(sent.length);
    expectExactlyOnce(app.received(), sent);
    expect(serviceBus.queueState('mailbox-work').deadLettered).toBe(0);
  }, 120_000);
});
