import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { errorMessage, HostError } from './host-error.ts';

/** Answers one request whose address could be read. */
export type HandleRequest = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>;

/** A server on 127.0.0.1. It answers 503 until `serve`, and again after `refuse`. */
export interface HostServer {
  port: number;
  serve(handle: HandleRequest): void;
  refuse(): void;
  close(): Promise<void>;
}

/** Listens; a port in use is a {@link HostError}. */
export async function listen(port: number, onFailure: (message: string) => void): Promise<HostServer> {
  let handle: HandleRequest | undefined;
  const server = createServer((request, response) => {
    const url = requestUrl(request);
    if (handle === undefined || url === undefined) {
      response.writeHead(url === undefined ? 400 : 503, { connection: 'close' }).end();
      return;
    }
    handle(request, response, url).catch((error: unknown) => {
      // The caller went away in the middle of its body.
      if (request.destroyed && !request.complete) return;
      onFailure(`${request.method ?? ''} ${url.pathname}: ${errorMessage(error)}`);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  // Kestrel's figure; Node's 5 s would cut callers off that reuse their connections.
  server.keepAliveTimeout = 130_000;
  const actualPort = await bind(server, port);
  return {
    port: actualPort,
    serve: (handler) => {
      handle = handler;
    },
    refuse: () => {
      handle = undefined;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function bind(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE';
      const remedy = `Port ${port} is in use: stop what listens there (another host?) or give another with --port N.`;
      reject(new HostError(inUse ? remedy : `Cannot listen on port ${port}: ${error.message}`, { cause: error }));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : port;
}

function requestUrl(request: IncomingMessage): URL | undefined {
  const base = `http://${request.headers.host ?? '127.0.0.1'}`;
  return (
    URL.parse(request.url?.startsWith('/') === true ? `${base}${request.url}` : (request.url ?? '/'), base) ?? undefined
  );
}
