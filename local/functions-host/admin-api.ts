// The part of the host's own routes that local work needs: `POST /admin/functions/{name}` runs a function by hand.
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as z from 'zod';
import { type HostKeys, isAuthorised } from './http-keys.ts';
import { readBody } from './http-messages.ts';

const invocationSchema = z.looseObject({ input: z.string().nullish() });

/** Starts a function by hand, with the text given; it does not wait for the end. */
export type RunByHand = (input: string | undefined) => void;

/** Answers a request under `/admin`. Milder than the real host, which insists on a JSON body and its content type. */
export async function handleAdmin(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  options: { keys: HostKeys | undefined; byHand: ReadonlyMap<string, RunByHand> },
): Promise<void> {
  const answer = (status: number, message = '') => {
    response.writeHead(status, { 'content-type': 'text/plain;charset=UTF-8' }).end(message);
  };
  if (options.keys !== undefined && !isAuthorised(request, url.searchParams, { level: 'admin' }, options.keys)) {
    answer(401);
    return;
  }
  const name = /^\/admin\/functions\/([^/]+)\/?$/i.exec(url.pathname)?.[1]?.toLowerCase();
  const run = name === undefined ? undefined : options.byHand.get(name);
  if (request.method !== 'POST' || run === undefined) {
    answer(404);
    return;
  }
  const { body } = await readBody(request, 1_048_576);
  const invocation = invocationSchema.safeParse(body === undefined || body.length === 0 ? {} : parseJson(body));
  if (!invocation.success) {
    answer(400, 'The body must be a JSON object; "input", if given, a string (JSON inside it is quoted once more).');
    return;
  }
  run(invocation.data.input ?? undefined);
  answer(202);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
