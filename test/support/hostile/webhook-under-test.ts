import type { HttpResponseInit } from '@azure/functions';
import type { WorkQueue } from '../../../shared/ports.ts';
import { makeReceiveNotifications } from '../../../shared/use-cases/receive-notifications.ts';
import { notificationEndpoint } from '../../../shared/triggers/notification-endpoint.ts';
import { TENANT } from '../builders.ts';
import { makeWorld } from '../in-memory-ports.ts';
import { anInvocation, aRequest } from '../invocation.ts';
import { KEYS } from './forged-items.ts';
import type { Body } from './forged-posts.ts';

/** The real webhook, its keys loaded. */
export async function openWebhook(workQueue?: WorkQueue) {
  const world = makeWorld();
  world.keys.keys = KEYS;
  const { ports, gate } = world.startProcess();
  await ports.keys.refresh();
  gate.calls.length = 0;
  const handler = notificationEndpoint(
    makeReceiveNotifications({ ...ports, ...(workQueue && { workQueue }), tenant: TENANT }),
  );
  const lines: string[] = [];
  const context = anInvocation(lines);
  return {
    world,
    lines,
    /** Every call of any port since the keys were loaded. */
    calls: gate.calls,
    post(body: Body, headers: Record<string, string> = {}): Promise<HttpResponseInit> {
      lines.length = 0;
      return handler(
        aRequest({ headers, body: typeof body === 'string' ? { string: body } : { bytes: body } }),
        context,
      );
    },
  };
}

export type Webhook = Awaited<ReturnType<typeof openWebhook>>;
