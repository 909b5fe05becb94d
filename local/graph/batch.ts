/** `POST /$batch`: up to twenty requests in one, each judged, throttled and counted alone. */
import * as z from 'zod';
import { type Dispatched, dispatch } from './dispatch.ts';
import { badRequest } from './graph-failure.ts';
import { type GraphReply, type GraphRequest, readODataOptions, readSegments } from './graph-exchange.ts';
import type { GraphState } from './graph-state.ts';
import { shuffled } from './random.ts';
import { readJson } from './request-body.ts';

const part = z.looseObject({
  id: z.string(),
  method: z.string(),
  url: z.string(),
  headers: z.record(z.string(), z.string()).nullish(),
  body: z.unknown().optional(),
  dependsOn: z.array(z.string()).nullish(),
});

const batchBody = z.looseObject({ requests: z.array(part).min(1) });

type BatchPart = z.infer<typeof part>;
type PartReply = { id: string; status: number; headers: Record<string, string>; body?: unknown };

export const mostParts = 20;

function checkParts(parts: readonly BatchPart[]): void {
  if (parts.length > mostParts)
    throw badRequest(`Number of batch request steps exceeds the maximum value of ${mostParts}.`);
  const ids = new Set<string>();
  for (const { id, url, dependsOn } of parts) {
    const key = id.toLowerCase();
    if (ids.has(key))
      throw badRequest(`The request id '${id}' is not unique within the batch: ids differ in more than letter case.`);
    if (!url.startsWith('/') && /^https?:/i.test(url))
      throw badRequest(`The url of request '${id}' must be relative, without the version.`);
    if (/^\/?\$batch\b/i.test(url)) throw badRequest('A batch inside a batch is not allowed.');
    for (const parent of dependsOn ?? []) {
      // A part can only wait for one before it: anything else could wait for itself.
      if (!ids.has(parent.toLowerCase()))
        throw badRequest(`Request '${id}' depends on '${parent}', which does not stand before it.`);
    }
    ids.add(key);
  }
}

function toRequest(outer: GraphRequest, { method, url, headers, body }: BatchPart): GraphRequest {
  const [path = '', search = ''] = url.split(/\?(.*)/s, 2);
  const rooted = path.startsWith('/') ? path : `/${path}`;
  const own = Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    ...outer,
    method: method.toUpperCase(),
    path: rooted,
    segments: readSegments(rooted),
    query: readODataOptions(search),
    headers: own,
    // Bodies that are no JSON stand in a batch as base64 text.
    body: bodyBytes(body, own['content-type']),
    params: {},
  };
}

function bodyBytes(body: unknown, contentType: string | undefined): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === 'string' && !/json/i.test(contentType ?? 'application/json')) {
    return /^text\/plain/i.test(contentType ?? '') ? Buffer.from(body) : Buffer.from(body, 'base64');
  }
  return Buffer.from(JSON.stringify(body));
}

function toPartReply(id: string, { reply, wireFault }: Dispatched): PartReply {
  if (wireFault?.reset === true || wireFault?.html === true) return { id, status: 502, headers: {} };
  const body = Buffer.isBuffer(reply.body) ? reply.body.toString('base64') : reply.body;
  const { 'request-id': _request, 'client-request-id': _client, ...headers } = reply.headers ?? {};
  return { id, status: reply.status, headers, ...(body === undefined ? {} : { body }) };
}

/** Runs a batch; the whole is 200 whatever becomes of its parts. */
export async function runBatch(state: GraphState, request: GraphRequest): Promise<GraphReply> {
  const { requests } = readJson(request.body, batchBody, 'batch');
  checkParts(requests);
  const replies = new Map<string, PartReply>();
  const isOrdered = requests.some((each) => (each.dependsOn ?? []).length > 0);
  // Whatever mailboxes the parts are for, at most four run at a time; dependent ones run one by one.
  const lanes = isOrdered ? 1 : state.knobs.batchParallelism;
  const queue = [...requests];
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const reply = await runPart(state, request, next, replies);
      replies.set(next.id.toLowerCase(), reply);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: { responses: shuffled([...replies.values()], state.random) },
  };
}

async function runPart(
  state: GraphState,
  outer: GraphRequest,
  each: BatchPart,
  replies: ReadonlyMap<string, PartReply>,
): Promise<PartReply> {
  const failedParent = (each.dependsOn ?? []).find(
    (parent) => (replies.get(parent.toLowerCase())?.status ?? 500) >= 400,
  );
  if (failedParent !== undefined) {
    const error = { code: 'FailedDependency', message: `The request depends on '${failedParent}', which failed.` };
    return { id: each.id, status: 424, headers: { 'Content-Type': 'application/json' }, body: { error } };
  }
  return toPartReply(each.id, await dispatch(state, toRequest(outer, each)));
}
