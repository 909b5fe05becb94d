// A transparent HTTP proxy in front of one Azurite service. It changes neither path nor headers, because the shared-key
// signature covers them; it counts each call by kind and applies the faults it is given.
import http from 'node:http';
import { type AddressInfo } from 'node:net';
import type { ObservedStep, StepObserver } from '../observed-step.ts';
import { BlobTimes } from './blob-times.ts';
import { callKind, type StorageService } from './call-kind.ts';
import type { FaultPlan, StorageFault } from './storage-fault.ts';

/** What a proxy needs to know and to tell. */
export type CountingProxyOptions = {
  service: StorageService;
  port: number;
  upstreamPort: number;
  faults: FaultPlan;
  /** Time that answers carry in `Date`; Azurite's own if left out. */
  now: (() => number) | undefined;
  onCall(kind: string): void;
  onStep: StepObserver | undefined;
};

/** A running proxy. */
export type CountingProxy = {
  port: number;
  /** Opens or closes the listening port as the faults ask. */
  applyRefusal(): Promise<void>;
  close(): Promise<void>;
};

// Hop-by-hop headers belong to one connection; Node writes its own for the other one.
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding']);

function endToEnd(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    const value = rawHeaders[index + 1];
    if (name === undefined || value === undefined || HOP_BY_HOP.has(name.toLowerCase())) continue;
    kept.push(name, value);
  }
  return kept;
}

/** Clients read a service's time from `Date`. */
function withDate(headers: readonly string[], now: number): string[] {
  const dated: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? '';
    dated.push(name, name.toLowerCase() === 'date' ? new Date(now).toUTCString() : (headers[index + 1] ?? ''));
  }
  return dated;
}

function listen(server: http.Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      const address: AddressInfo | string | null = server.address();
      if (address === null || typeof address === 'string') reject(new Error('The proxy has no TCP address.'));
      else resolve(address.port);
    });
  });
}

function stopListening(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function readBody(req: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function answerWithFault(service: StorageService, fault: StorageFault, status: number, res: http.ServerResponse): void {
  const code = fault.errorCode ?? (status === 503 || status === 500 ? 'ServerBusy' : 'InjectedFault');
  const message = 'Injected by the storage proxy.';
  const body =
    service === 'table'
      ? JSON.stringify({ 'odata.error': { code, message: { lang: 'en-US', value: message } } })
      : `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  res.writeHead(status, {
    'content-type': service === 'table' ? 'application/json' : 'application/xml',
    'content-length': Buffer.byteLength(body),
    'x-ms-error-code': code,
    date: new Date().toUTCString(),
    ...(fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) }),
  });
  res.end(body);
}

/** Starts a proxy; rejects if the port cannot be had. */
export async function startCountingProxy(options: CountingProxyOptions): Promise<CountingProxy> {
  const { service, faults, upstreamPort, now, onStep } = options;
  // Azurite is started with a long keep-alive, so a pooled connection is not closed under a request.
  const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
  const waiting = new Set<NodeJS.Timeout>();
  const times = new BlobTimes();

  /** The answer is lost, once Azurite has given it, where `isLost` says so. */
  function forward(
    kind: string,
    req: http.IncomingMessage,
    res: http.ServerResponse,
    isLost: (status: number) => boolean,
    body?: Buffer,
  ): void {
    const upstream = http.request({
      host: '127.0.0.1',
      port: upstreamPort,
      agent,
      method: req.method,
      path: req.url,
      headers: endToEnd(req.rawHeaders),
      setHost: false,
    });
    upstream.on('response', (answer) => {
      const isWrite = service === 'blob' && (kind === 'put' || kind === 'putBlockList');
      if (now && isWrite && answer.statusCode === 201) times.note(req.url ?? '/', now());
      if (isLost(answer.statusCode ?? 502)) {
        answer.resume();
        answer.on('end', () => req.socket.destroy());
        return;
      }
      const headers = endToEnd(answer.rawHeaders);
      res.writeHead(answer.statusCode ?? 502, answer.statusMessage, now ? withDate(headers, now()) : headers);
      answer.on('error', () => res.destroy());
      if (now && service === 'blob' && kind === 'list') answerList(req.url ?? '/', answer, res);
      else answer.pipe(res);
    });
    upstream.on('error', () => req.socket.destroy());
    res.on('close', () => {
      if (!res.writableFinished) upstream.destroy();
    });
    if (body === undefined) req.pipe(upstream);
    else upstream.end(body);
  }

  function answerList(url: string, answer: http.IncomingMessage, res: http.ServerResponse): void {
    readBody(answer).then(
      (body) => res.end(times.correct(url, body.toString('utf8'))),
      () => res.destroy(),
    );
  }

  /** With an onlooker a request is read whole before it goes on, so that the step shows what it writes. */
  async function forwardObserved(
    kind: string,
    observe: StepObserver,
    loseAnswer: boolean,
    req: http.IncomingMessage,
    res: http.ServerResponse,
  ): Promise<void> {
    const body = await readBody(req);
    const target = req.url ?? '/';
    const content = service === 'blob' ? '' : body.toString('utf8');
    const step = { service, operation: kind, target, content } satisfies Partial<ObservedStep>;
    if (observe({ ...step, side: 'before' }) === 'drop') req.socket.destroy();
    else
      forward(kind, req, res, (status) => observe({ ...step, side: 'after', status }) === 'drop' || loseAnswer, body);
  }

  function apply(
    kind: string,
    fault: StorageFault | undefined,
    req: http.IncomingMessage,
    res: http.ServerResponse,
  ): void {
    if (fault?.dropConnection === 'before') {
      req.socket.destroy();
      return;
    }
    if (fault?.status !== undefined) {
      req.resume();
      answerWithFault(service, fault, fault.status, res);
      return;
    }
    const loseAnswer = fault?.dropConnection === 'after';
    if (onStep === undefined) forward(kind, req, res, () => loseAnswer);
    else forwardObserved(kind, onStep, loseAnswer, req, res).catch(() => req.socket.destroy());
  }

  const server = http.createServer((req, res) => {
    const override = req.headers['x-http-method'];
    const kind = callKind(service, {
      method: req.method ?? 'GET',
      url: req.url ?? '/',
      methodOverride: typeof override === 'string' ? override : undefined,
    });
    options.onCall(kind);
    const fault = faults.next(service, kind);
    if (fault?.delayMs === undefined) {
      apply(kind, fault, req, res);
      return;
    }
    const timer = setTimeout(() => {
      waiting.delete(timer);
      apply(kind, fault, req, res);
    }, fault.delayMs);
    waiting.add(timer);
  });
  // Longer than any SDK keeps an idle connection, so the client decides when it ends.
  server.keepAliveTimeout = 300_000;
  server.requestTimeout = 0;

  const port = await listen(server, options.port);
  return {
    port,
    async applyRefusal() {
      if (faults.refuses(service) === !server.listening) return;
      if (server.listening) await stopListening(server);
      else await listen(server, port);
    },
    async close() {
      for (const timer of waiting) clearTimeout(timer);
      waiting.clear();
      if (server.listening) await stopListening(server);
      agent.destroy();
    },
  };
}
