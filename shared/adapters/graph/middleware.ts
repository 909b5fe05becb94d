import { setTimeout as delay } from 'node:timers/promises';
import { type Context, HTTPMessageHandler, type Middleware } from '@microsoft/microsoft-graph-client';
import { PermanentError, TransientError } from '../../errors.ts';
import type { ServerClock } from '../server-clock.ts';
import { parseRetryAfter } from './graph-failure.ts';
import type { TokenSource } from './token-source.ts';

interface Deps {
  tokens: TokenSource;
  /** Requests leave for this origin only. */
  origin: string;
  scope: string;
  clock: ServerClock;
  random: () => number;
  maxAnswerBytes?: number;
}

// The client passes the URL as text; the type names the browser's Request as well.
/** Option of a request whose body is read as a stream, however long it is. */
export const STREAMED = 'streamed';

/** Option of a request that has no lane behind it: the longest pause, in ms, that is waited out here. */
export const PATIENCE = 'patience';

const urlOf = ({ request }: Context): string => String(request);

/** The client's own handlers mutate `options`; ours replace them. */
const withHeader = (context: Context, name: string, value: string): Context => ({
  ...context,
  options: {
    ...context.options,
    headers: { ...Object.fromEntries(new Headers(context.options?.headers)), [name]: value },
  },
});

class Link implements Middleware {
  #next: Middleware | undefined;

  setNext(next: Middleware): void {
    this.#next = next;
  }

  execute(context: Context): Promise<void> {
    return this.pass(context);
  }

  protected async pass(context: Context): Promise<void> {
    await this.#next?.execute(context);
  }
}

/** Tries again after throttling and outages, where the pause is short; longer pauses are the lane's business. */
class Retry extends Link {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    super();
    this.#deps = deps;
  }

  override async execute(context: Context): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.pass(context);
      const pause = attempt <= MAX_RETRIES ? this.#pause(context, attempt) : undefined;
      if (pause === undefined) return;
      await context.response?.body?.cancel();
      await delay(pause, undefined, context.options?.signal ? { signal: context.options.signal } : {});
    }
  }

  #pause({ response, options }: Context, attempt: number): number | undefined {
    const status = response?.status ?? 0;
    // A POST that timed out behind the gateway may have been done: only an explicit refusal is repeated.
    const repeatable = status === 429 || status === 503 || (status === 504 && (options?.method ?? 'GET') === 'GET');
    if (!repeatable) return undefined;
    const asked = parseRetryAfter(response?.headers.get('Retry-After'), this.#deps.clock.now());
    const pause = asked ?? 250 * 2 ** attempt * (0.5 + this.#deps.random());
    return pause <= patienceOf(options) ? pause : undefined;
  }
}

const patienceOf = (options: Context['options']): number => {
  const asked: unknown = options && PATIENCE in options ? options[PATIENCE] : undefined;
  return typeof asked === 'number' ? asked : MAX_PAUSE_MS;
};

const MAX_RETRIES = 2;
const MAX_PAUSE_MS = 5_000;

/** Puts the token on requests to Graph's own origin, and answers one claims challenge per request with a fresh token. */
class Authentication extends Link {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    super();
    this.#deps = deps;
  }

  override async execute(context: Context): Promise<void> {
    const { tokens, origin, scope } = this.#deps;
    // Links come back from storage and from the service; neither may carry the token to another host.
    if (new URL(urlOf(context)).origin !== origin) throw new PermanentError('graph:foreign-origin');
    await this.#send(context, (await tokens.getToken(scope)).token);
    if (context.response?.status !== 401) return;
    const claims = readClaims(context.response.headers.get('WWW-Authenticate'));
    await context.response.body?.cancel();
    await this.#send(context, (await tokens.getToken(scope, { claims: claims ?? '{}' })).token);
  }

  async #send(context: Context, token: string): Promise<void> {
    const authorised = withHeader(context, 'Authorization', `Bearer ${token}`);
    await this.pass(authorised);
    context.response = authorised.response;
  }
}

/** `claims="<base64>"` of a continuous access evaluation challenge, decoded. */
function readClaims(challenge: string | null): string | undefined {
  const encoded = /claims="([A-Za-z0-9+/=_-]+)"/.exec(challenge ?? '')?.[1];
  return encoded && Buffer.from(encoded, 'base64').toString('utf8');
}

/** Refuses redirects, which would carry the token away, bounds each request in time, and learns Graph's clock. */
class Guard extends Link {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    super();
    this.#deps = deps;
  }

  override async execute(context: Context): Promise<void> {
    const { clock } = this.#deps;
    const askedAt = clock.now();
    const limit = new AbortController();
    const waiting = setTimeout(() => limit.abort(), REQUEST_MS).unref();
    const { signal: asked } = context.options ?? {};
    const signal = asked ? AbortSignal.any([asked, limit.signal]) : limit.signal;
    const bounded: Context = { ...context, options: { ...context.options, redirect: 'manual', signal } };
    try {
      await this.pass(bounded);
    } catch (cause) {
      throw new TransientError('graph:no-answer', { cause });
    }
    // An answer has to be whole within the limits; what is read as a stream has limits of its own.
    const isStreamed = context.options && STREAMED in context.options;
    if (isStreamed) clearTimeout(waiting);
    const { maxAnswerBytes = MAX_ANSWER_BYTES } = this.#deps;
    context.response = isStreamed ? bounded.response : bounded.response && limited(bounded.response, maxAnswerBytes);
    clock.observe(bounded.response?.headers.get('Date'), clock.now() - askedAt);
    const status = bounded.response?.status ?? 0;
    if (status >= 300 && status < 400) throw new PermanentError('graph:redirect');
  }
}

const REQUEST_MS = 60_000;
/** More than the largest mail (150 MB) in JSON. What is packed a thousandfold is counted as it comes out. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/** The same answer; reading it fails where it does not end. */
function limited(response: Response, most: number): Response {
  if (!response.body) return response;
  let size = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.byteLength;
      if (size > most) controller.error(new TransientError('graph:answer-too-large'));
      else controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(counted), { status, statusText, headers });
}

/** Our own chain in place of the client's: its default attaches no token to other hosts and follows redirects. */
export function graphMiddleware(deps: Deps): Middleware[] {
  return [new Retry(deps), new Authentication(deps), new Guard(deps), new HTTPMessageHandler()];
}
