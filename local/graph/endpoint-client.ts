/** Posts to the endpoints of the app under test: loopback only, with a time budget, on connections of its own. */
import { Agent, request as httpRequest } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import type { ObservedStep, StepObserver } from '../observed-step.ts';

export type EndpointAnswer =
  | { outcome: 'answered'; status: number; contentType: string; body: string; ms: number }
  | { outcome: 'timeout' | 'failed'; reason: string; ms: number };

const dropped: EndpointAnswer = { outcome: 'failed', reason: 'dropped by an onlooker', ms: 0 };

export type EndpointPost = { url: string; body: string; contentType: string; timeoutMs: number };

/** Why a notification URL cannot be used here, or undefined if it can. */
export function findUrlFault(url: string): string | undefined {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return `'${url}' is not an absolute URL.`;
  }
  const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i.test(parsed.hostname);
  if (loopback && (parsed.protocol === 'https:' || parsed.protocol === 'http:')) return undefined;
  if (parsed.protocol === 'https:') {
    return `the emulator calls loopback addresses only and never leaves this machine: '${parsed.host}' is none.`;
  }
  return `'${url}' must be https; http is taken only for loopback addresses.`;
}

export class EndpointClient {
  readonly #http = new Agent({ keepAlive: true });
  readonly #https = new TlsAgent({ keepAlive: true, rejectUnauthorized: false });
  readonly #onStep: StepObserver | undefined;

  constructor(onStep?: StepObserver) {
    this.#onStep = onStep;
  }

  /** Posts once; it never throws: whatever happens is an answer. */
  async post(question: EndpointPost): Promise<EndpointAnswer> {
    const { url, body } = question;
    const step = { service: 'webhook', operation: 'post', target: url, content: body } satisfies Partial<ObservedStep>;
    if (this.#onStep?.({ ...step, side: 'before' }) === 'drop') return dropped;
    const answer = await this.#post(question);
    const status = answer.outcome === 'answered' ? answer.status : undefined;
    return this.#onStep?.({ ...step, side: 'after', status }) === 'drop' ? dropped : answer;
  }

  #post({ url, body, contentType, timeoutMs }: EndpointPost): Promise<EndpointAnswer> {
    const started = performance.now();
    const ms = (): number => performance.now() - started;
    return new Promise((resolve) => {
      const secure = url.startsWith('https:');
      const options = {
        method: 'POST',
        agent: secure ? this.#https : this.#http,
        headers: { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) },
      };
      const outgoing = secure ? httpsRequest(url, options) : httpRequest(url, options);
      const timer = setTimeout(() => {
        resolve({ outcome: 'timeout', reason: `no answer within ${timeoutMs} ms`, ms: ms() });
        outgoing.destroy();
      }, timeoutMs);
      const fail = (error: Error): void => {
        clearTimeout(timer);
        resolve({ outcome: 'failed', reason: error.message || error.name, ms: ms() });
      };
      outgoing.on('error', fail);
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', fail);
        incoming.on('end', () => {
          clearTimeout(timer);
          const text = Buffer.concat(chunks).toString('utf8');
          const type = incoming.headers['content-type'] ?? '';
          resolve({ outcome: 'answered', status: incoming.statusCode ?? 0, contentType: type, body: text, ms: ms() });
        });
      });
      outgoing.end(body);
    });
  }

  /** Ends all connections; posts that are under way fail. */
  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}
