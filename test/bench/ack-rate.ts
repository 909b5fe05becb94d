// How many notification POSTs a second are durably acknowledged, and how fast: host, bus and all on one machine.
import http from 'node:http';
import { startWholeApp, until, type WholeApp } from '../support/app/whole-app.ts';

export interface AckRate {
  connections: number;
  posts: number;
  acksPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  refused: number;
}

const quantile = (sorted: number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
const rounded = (value: number) => Math.round(value * 100) / 100;

/** A genuine notification about a mail that is known already, so that only the acknowledgement is measured. */
async function genuineBody(app: WholeApp): Promise<string> {
  const [id = ''] = app.deliver(1);
  await until('the mail arrived', () => app.events.length === 1);
  const { graph, settings, mailboxes } = app.environment;
  const mailbox = mailboxes[0]?.id ?? '';
  const subscription = graph.control.subscriptions().find(({ target }) => target.userId === mailbox);
  const item = {
    subscriptionId: subscription?.id,
    changeType: 'created',
    clientState: subscription?.clientState,
    tenantId: settings.tenantId,
    resource: `Users/${mailbox}/Messages/${id}`,
    resourceData: { '@odata.type': '#Microsoft.Graph.Message', id },
  };
  return JSON.stringify({ value: [item] });
}

function post(url: string, agent: http.Agent, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Every connection posts again as soon as it was answered, for `ms`. */
export async function ackRate(connections: number, ms: number): Promise<AckRate> {
  const app = await startWholeApp();
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  try {
    const body = await genuineBody(app);
    const url = `${app.functionsUrl}/api/notifications`;
    const times: number[] = [];
    let refused = 0;
    const run = async (end: number) => {
      while (performance.now() < end) {
        const startedAt = performance.now();
        const status = await post(url, agent, body);
        if (status === 202) times.push(performance.now() - startedAt);
        else refused++;
      }
    };
    const all = (end: number) => Promise.all(Array.from({ length: connections }, () => run(end)));
    await all(performance.now() + 1_000);
    times.length = 0;
    const startedAt = performance.now();
    await all(startedAt + ms);
    const seconds = (performance.now() - startedAt) / 1000;
    const sorted = times.toSorted((a, b) => a - b);
    return {
      connections,
      posts: times.length,
      acksPerSecond: Math.round(times.length / seconds),
      p50Ms: rounded(quantile(sorted, 0.5)),
      p99Ms: rounded(quantile(sorted, 0.99)),
      refused,
    };
  } finally {
    agent.destroy();
    await app.close();
  }
}
