/** The one HTTP server: Graph, identity and control on one port, and what faults do to the wire. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { WireFault } from './dispatch.ts';

export type HttpRequest = {
  method: string;
  /** Undecoded path, without the query. */
  pathname: string;
  search: string;
  headers: Record<string, string | undefined>;
  body: Buffer;
};

export type HttpReply = {
  status: number;
  headers?: Record<string, string>;
  /** JSON, raw bytes, or nothing. */
  body?: unknown;
  wireFault?: WireFault | undefined;
};

export type HttpServerOptions = {
  port: number;
  /** The emulator's time, which the `Date` header shows. */
  now: () => number;
  answer: (request: HttpRequest) => Promise<HttpReply>;
};

export type RunningServer = { port: number; close: () => Promise<void> };

const htmlPage =
  '<!DOCTYPE html><html><head><title>Service unavailable</title></head><body><h1>Our services are not available right now</h1></body></html>';

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function readRequestLine(url: string): { pathname: string; search: string } {
  const question = url.indexOf('?');
  return question < 0
    ? { pathname: url, search: '' }
    : { pathname: url.slice(0, question), search: url.slice(question) };
}

function singleHeaders(incoming: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

function bodyBytes(reply: HttpReply): Buffer {
  if (reply.wireFault?.html === true) return Buffer.from(htmlPage);
  if (reply.body === undefined) return Buffer.alloc(0);
  return Buffer.isBuffer(reply.body) ? reply.body : Buffer.from(JSON.stringify(reply.body));
}

function send(outgoing: ServerResponse, reply: HttpReply, now: number): void {
  const { wireFault } = reply;
  if (wireFault?.reset === true) {
    outgoing.socket?.resetAndDestroy();
    return;
  }
  const html = wireFault?.html === true;
  const body = bodyBytes(reply);
  const headers: Record<string, string | number> = {
    ...(reply.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...reply.headers,
    ...(html ? { 'Content-Type': 'text/html; charset=utf-8' } : {}),
    Date: new Date(now).toUTCString(),
  };
  if (reply.status !== 204) headers['Content-Length'] = body.length;
  outgoing.sendDate = false;
  outgoing.writeHead(html ? (wireFault.status ?? 200) : reply.status, headers);
  if (wireFault?.truncateBody === undefined) {
    outgoing.end(body);
    return;
  }
  outgoing.write(body.subarray(0, wireFault.truncateBody), () => outgoing.socket?.destroy());
}

async function serve(options: HttpServerOptions, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  try {
    const body = await readBody(incoming);
    const { pathname, search } = readRequestLine(incoming.url ?? '/');
    const headers = singleHeaders(incoming);
    const reply = await options.answer({ method: incoming.method ?? 'GET', pathname, search, headers, body });
    send(outgoing, reply, options.now());
  } catch (error) {
    // Either the client went away, or the emulator is closing, or it has a fault of its own, which must be seen.
    if (outgoing.destroyed || outgoing.headersSent) return;
    const message = error instanceof Error ? error.message : String(error);
    send(outgoing, { status: 500, body: { error: { code: 'EmulatorFault', message } } }, options.now());
  }
}

/** Starts the server on the loopback address; rejects if the port cannot be had. */
export async function startHttpServer(options: HttpServerOptions): Promise<RunningServer> {
  const server: Server = createServer((incoming, outgoing) => void serve(options, incoming, outgoing));
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The emulator got no port to listen on.');
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
