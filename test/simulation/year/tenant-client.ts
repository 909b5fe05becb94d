import { makeServerClock, type ServerClock } from '../../../shared/adapters/server-clock.ts';
import type { GraphAnswer, GraphClient } from '../../../shared/adapters/graph/graph-client.ts';
import { parseRetryAfter, readFailure } from '../../../shared/adapters/graph/graph-failure.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import type { Tenant } from './tenant.ts';
import { type Reply, ROOT, serve } from './tenant-routes.ts';

/** A process on its way to Graph: `pass` never comes back once it is dead. */
export interface Traveller {
  localNow(): number;
  /** Lets virtual time pass. */
  pass(ms: number): Promise<void>;
}

const MAX_RETRIES = 2;
const MAX_PAUSE_MS = 5_000;

/** How long Graph takes; a create waits for two handshakes. */
const latencyMs = (method: string, path: string): number => {
  if (path.startsWith('/subscriptions') && method === 'POST') return 1_200;
  if (path.startsWith('/$batch')) return 600;
  return 200;
};

const kindOf = (method: string, path: string): string => `${method} ${path.slice(1).split(/[/?]/)[0]}`;

/** The Graph client of one process: the adapters above it are the real ones. `requests` counts by method and kind. */
export function tenantClient(
  tenant: Tenant,
  mark: string,
  traveller: Traveller,
  requests: Map<string, number>,
): GraphClient {
  const clock: ServerClock = makeServerClock(() => traveller.localNow());

  async function once(method: string, path: string, body: unknown): Promise<Reply> {
    const kind = kindOf(method, path);
    requests.set(kind, (requests.get(kind) ?? 0) + 1);
    const half = latencyMs(method, path) / 2;
    await traveller.pass(half);
    const reply = serve(tenant, mark, method, path, body);
    await traveller.pass(half);
    // `Date` has whole seconds.
    if (reply.status > 0) clock.observe(new Date(Math.floor(tenant.time.now() / 1000) * 1000).toUTCString());
    return reply;
  }

  /** As the client's own middleware does: short pauses are waited out, at most twice. */
  async function ask(method: string, path: string, body?: unknown, patienceMs = MAX_PAUSE_MS): Promise<GraphAnswer> {
    for (let attempt = 1; ; attempt++) {
      const reply = await once(method, path, body);
      const { status, retryAfter } = reply;
      if (status === 0) throw new TransientError('graph:no-answer');
      if (status < 300) return { ok: true, body: reply.body };
      const pause = parseRetryAfter(retryAfter, clock.now()) ?? 500 * attempt;
      const again = (status === 429 || status === 503) && attempt <= MAX_RETRIES && pause <= patienceMs;
      if (!again)
        return { ok: false, failure: readFailure(status, reply.body, retryAfter, clock.now()), cause: undefined };
      await traveller.pass(pause);
    }
  }

  return {
    clock,
    get: (path, options) => ask('GET', path, undefined, options?.patienceMs),
    post: (path, body) => ask('POST', path, body),
    remove: (path) => ask('DELETE', path),
    stream: () => Promise.reject(new PermanentError('graph:not-simulated')),
    pathOf(link) {
      if (!link.startsWith(`${ROOT}/`)) throw new PermanentError('graph:foreign-link');
      return link.slice(ROOT.length);
    },
  };
}
