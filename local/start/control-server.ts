// Counters, reset and faults of the whole environment over HTTP, for programs that know only the settings file.
// Graph has more of its own on its own port (`/control/…`).
import http from 'node:http';
import * as z from 'zod';
import type { ServiceBusBroker } from '../service-bus/broker.ts';
import { storageFaultSchema } from '../storage/storage-fault.ts';
import type { StorageEmulator } from '../storage/storage.ts';
import { brokerFaultSchema } from './broker-faults.ts';

/** What the control server speaks for. */
export type ControlTargets = {
  graph: { counters(): unknown; reset(): unknown };
  serviceBus: ServiceBusBroker;
  storage: StorageEmulator;
  advanceClock(ms: number): void;
};

/** A running control server. */
export type ControlServer = { url: string; close(): Promise<void> };

type Answer = { status: number; body: unknown };
type Route = (body: string, part: string) => Answer | Promise<Answer>;

const BODY_LIMIT = 1_000_000;
const ok = (body: unknown = {}): Answer => ({ status: 200, body });
const refused = (status: number, error: string): Answer => ({ status, body: { error } });

function withBody<T>(schema: z.ZodType<T>, use: (value: T) => unknown): Route {
  return async (body) => {
    let json: unknown;
    try {
      json = JSON.parse(body);
    } catch {
      return refused(400, 'The body is no JSON.');
    }
    const parsed = schema.safeParse(json);
    if (!parsed.success) return refused(400, z.prettifyError(parsed.error));
    try {
      await use(parsed.data);
    } catch (error) {
      return refused(400, error instanceof Error ? error.message : String(error));
    }
    return ok();
  };
}

function doing(work: () => unknown): Route {
  return async () => {
    await work();
    return ok();
  };
}

function makeRoutes({ graph, serviceBus, storage, advanceClock }: ControlTargets): Record<string, Route> {
  return {
    'GET /counters': () =>
      ok({ graph: graph.counters(), serviceBus: serviceBus.counters(), storage: storage.counters() }),
    'GET /queues/*': (_body, name) => {
      try {
        return ok(serviceBus.queueState(name));
      } catch {
        return refused(404, `There is no queue '${name}'.`);
      }
    },
    'POST /reset': doing(async () => {
      await graph.reset();
      serviceBus.reset();
      await storage.reset();
    }),
    'POST /clock': withBody(z.strictObject({ advanceMs: z.number().int().min(0) }), ({ advanceMs }) =>
      advanceClock(advanceMs),
    ),
    'PUT /storage/faults': withBody(z.array(storageFaultSchema), (faults) => storage.setFaults(faults)),
    'PUT /service-bus/faults': withBody(z.array(brokerFaultSchema), (faults) => {
      serviceBus.clearFaults();
      for (const fault of faults) serviceBus.setFault(fault);
    }),
    'POST /service-bus/pause': doing(() => serviceBus.pause()),
    'POST /service-bus/resume': doing(() => serviceBus.resume()),
    'POST /service-bus/drop-connections': doing(() => serviceBus.dropConnections()),
  };
}

async function readBody(req: http.IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    size += bytes.length;
    if (size > BODY_LIMIT) return undefined;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function answer(routes: Record<string, Route>, req: http.IncomingMessage): Promise<Answer> {
  const { pathname } = new URL(req.url ?? '/', 'http://127.0.0.1');
  const slash = pathname.lastIndexOf('/');
  const route = routes[`${req.method} ${pathname}`] ?? routes[`${req.method} ${pathname.slice(0, slash)}/*`];
  if (route === undefined) return refused(404, `Not here. There are: ${Object.keys(routes).join(', ')}.`);
  const body = await readBody(req);
  if (body === undefined) return refused(413, `At most ${BODY_LIMIT} bytes.`);
  return route(body, decodeURIComponent(pathname.slice(slash + 1)));
}

/** Starts the control server on a free port. */
export async function startControlServer(targets: ControlTargets): Promise<ControlServer> {
  const routes = makeRoutes(targets);
  const server = http.createServer((req, res) => {
    answer(routes, req)
      .catch((error: unknown) => refused(500, error instanceof Error ? error.message : String(error)))
      .then(({ status, body }) =>
        res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      )
      .catch(() => res.destroy());
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(address === null || typeof address === 'string' ? 0 : address.port);
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
