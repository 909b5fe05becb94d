// HTTP: finds the route, checks the key, hands the request to the function and writes its answer.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HostLog } from './host-log.ts';
import { type HostKeys, isAuthorised } from './http-keys.ts';
import { BodyTooLarge, maxBodyBytes, readBody, toRpcHttp, writeRpcResponse } from './http-messages.ts';
import { findRoute, type HttpRoute } from './http-routes.ts';
import type { Invoke } from './invoke.ts';

/** Answers a request to one of the app's routes. */
export type HandleHttp = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>;

/** Makes the handler for a set of routes; without `keys` every route is open, as with `func start`. */
export function makeHttpTrigger(options: {
  routes: readonly HttpRoute[];
  keys: HostKeys | undefined;
  invoke: Invoke;
  log: HostLog;
}): HandleHttp {
  return async (request, response, url) => {
    const found = findRoute(options.routes, request.method ?? 'GET', url.pathname);
    if (found === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { registered, authLevel } = found.route;
    const needed = { level: authLevel, functionName: registered.name };
    if (options.keys !== undefined && !isAuthorised(request, url.searchParams, needed, options.keys)) {
      response.writeHead(401).end();
      return;
    }
    const read = await readBody(request, maxBodyBytes).catch((error: unknown) => {
      if (error instanceof BodyTooLarge) return undefined;
      throw error;
    });
    if (read === undefined) {
      response.writeHead(413, { connection: 'close' }).end();
      return;
    }
    if (read.chunked) {
      options.log({
        level: 'warning',
        category: 'host',
        functionName: registered.name,
        message:
          'the request has a chunked body, which arrives empty: the real host drops it too, unless the app enables ' +
          'HTTP streaming. Callers must send Content-Length.',
      });
    }
    const traceParent = request.headers['traceparent'];
    try {
      const { returnValue } = await options.invoke(registered, {
        data: { http: toRpcHttp(request, url, read.body, found.params) },
        traceParent: typeof traceParent === 'string' ? traceParent : undefined,
      });
      writeRpcResponse(response, returnValue);
    } catch {
      // Logged by the invoker. The real host tells the caller nothing either.
      if (!response.headersSent) response.writeHead(500);
      response.end();
    }
  };
}
