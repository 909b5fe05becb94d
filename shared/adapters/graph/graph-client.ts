import { Client, GraphError, ResponseType } from '@microsoft/microsoft-graph-client';
import { PermanentError, TransientError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import { makeServerClock } from '../server-clock.ts';
import { type GraphFailure, readFailure, toError, toFailure } from './graph-failure.ts';
import { graphMiddleware, PATIENCE, STREAMED } from './middleware.ts';
import type { TokenSource } from './token-source.ts';

export interface GraphRequestOptions {
  /** Joined into one header: a second one would replace the first. */
  prefer?: string[];
  signal?: AbortSignal;
  /** Longest pause that is waited out when Graph throttles; a few seconds without it. */
  patienceMs?: number;
}

/** What a request came to: the parsed body, or the failure as Graph stated it. */
export type GraphAnswer = { ok: true; body: unknown } | { ok: false; failure: GraphFailure; cause: unknown };

/** Graph over HTTP. Paths start with `/` and follow the API root; every segment that is not ours is encoded. */
export interface GraphClient {
  clock: Clock;
  get(path: string, options?: GraphRequestOptions): Promise<GraphAnswer>;
  post(path: string, body: unknown, options?: GraphRequestOptions): Promise<GraphAnswer>;
  remove(path: string): Promise<GraphAnswer>;
  stream(path: string, options?: GraphRequestOptions): Promise<ReadableStream<Uint8Array>>;
  /** A next or delta link as a path, after checking that it leads to this Graph and nowhere else. */
  pathOf(link: string): string;
}

export interface GraphClientDeps {
  tokens: TokenSource;
  /** Ends in `/v1.0`. */
  baseUrl: string;
  scope: string;
  now: () => number;
  random: () => number;
  /** Longest answer that is read; more than Graph ever sends without it. */
  maxAnswerBytes?: number;
}

/** `prefer` value that makes ids survive moves inside the mailbox (outlook-immutable-id, 2024-11). */
export const IMMUTABLE_IDS = 'IdType="ImmutableId"';

/** One path segment. `.` and `..` have no encoded form: every URL parser resolves them, and the path would be another. */
export function segment(value: string): string {
  if (!isSegment(value)) throw new PermanentError('graph:no-path-segment');
  return encodeURIComponent(value);
}

/** Can be part of a path at all; names come from settings and from administrators. */
export const isSegment = (value: string): boolean =>
  value !== '' && value !== '.' && value !== '..' && value.isWellFormed();

/** Query values as the client needs them: it cuts at `&` and `#` and encodes nothing itself. */
export const query = (parameters: Record<string, string>): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');

export function makeGraphClient(deps: GraphClientDeps): GraphClient {
  const { tokens, baseUrl, scope, now, random, maxAnswerBytes } = deps;
  const root = new URL(baseUrl);
  const clock = makeServerClock(now);
  const middleware = graphMiddleware({
    tokens,
    origin: root.origin,
    scope,
    clock,
    random,
    ...(maxAnswerBytes !== undefined && { maxAnswerBytes }),
  });
  const client = Client.initWithMiddleware({
    middleware,
    baseUrl: root.origin,
    defaultVersion: root.pathname.slice(1),
  });

  const request = (path: string, { prefer = [], signal, patienceMs }: GraphRequestOptions = {}) => {
    let call = client.api(path);
    if (patienceMs !== undefined) call = call.option(PATIENCE, patienceMs);
    if (prefer.length > 0) call = call.header('Prefer', prefer.join(', '));
    return signal ? call.option('signal', signal) : call;
  };

  async function answer(send: () => Promise<unknown>): Promise<GraphAnswer> {
    try {
      return { ok: true, body: await send() };
    } catch (cause) {
      const named = findNamed(cause);
      if (named) throw named;
      return { ok: false, failure: toFailure(cause, clock.now()), cause };
    }
  }

  return {
    clock,
    get: (path, options) => answer(() => request(path, options).get()),
    post: (path, body, options) => answer(() => request(path, options).post(body)),
    remove: (path) => answer(() => request(path).delete()),
    async stream(path, { prefer, signal } = {}) {
      const idle = new AbortController();
      const bounded = signal ? AbortSignal.any([signal, idle.signal]) : idle.signal;
      const result = await answer(() =>
        request(path, { ...(prefer && { prefer }), signal: bounded })
          .option(STREAMED, true)
          .responseType(ResponseType.RAW)
          .get(),
      );
      if (!result.ok) throw toError(result.failure, 'service', result.cause);
      if (!(result.body instanceof Response)) throw new TransientError('graph:no-body');
      const { ok, status, headers, body } = result.body;
      if (ok && body) return moving(body, idle);
      const refusal: unknown = await result.body.json().catch(() => undefined);
      throw toError(readFailure(status, refusal, headers.get('Retry-After'), clock.now()), 'service', undefined);
    },
    pathOf(link) {
      const url = URL.parse(link);
      const prefix = `${root.pathname}/`;
      // Compared after parsing: a prefix of the text would accept graph.example.evil or user-info tricks.
      if (!url || url.origin !== root.origin || url.username || url.password || !url.pathname.startsWith(prefix))
        throw new PermanentError('graph:foreign-link');
      return url.pathname.slice(root.pathname.length) + url.search;
    },
  };
}

const IDLE_MS = 30_000;
/** Half of what the host gives a function, and longer than 150 MB take; a byte now and then would hold it for ever. */
const STREAM_MS = 300_000;

/** A body that may take long, but not without moving; a break is Graph's fault and passes. */
function moving(body: ReadableStream<Uint8Array>, idle: AbortController): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let waiting: NodeJS.Timeout | undefined;
  const whole = setTimeout(() => idle.abort(), STREAM_MS).unref();
  return new ReadableStream({
    async pull(controller) {
      // Only while we wait for Graph: whoever reads may take its time.
      waiting = setTimeout(() => idle.abort(), IDLE_MS).unref();
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        clearTimeout(whole);
        controller.close();
      } catch (cause) {
        clearTimeout(whole);
        throw new TransientError('graph:no-answer', { cause });
      } finally {
        clearTimeout(waiting);
      }
    },
    cancel(reason) {
      clearTimeout(waiting);
      clearTimeout(whole);
      return reader.cancel(reason);
    },
  });
}

/**
 * What our middleware threw, out of the GraphError that the client wraps it in: of the original only name and message
 * are left.
 */
function findNamed(error: unknown): Error | undefined {
  if (!(error instanceof GraphError)) return undefined;
  // An answer may also fail while it is read, after its status came.
  const inReading = error.statusCode < 300 && /^(?:Transient|Permanent)Error$/.test(error.code ?? '');
  if (error.statusCode !== -1 && !inReading) return undefined;
  const code = /^(?:graph|token):[\w:.-]*\w/.exec(error.message)?.[0] ?? 'graph:no-answer';
  return error.code === 'PermanentError'
    ? new PermanentError(code, { cause: error })
    : new TransientError(code, { cause: error });
}
