import * as z from 'zod';
import type { GraphAnswer, GraphClient, GraphRequestOptions } from '../../shared/adapters/graph/graph-client.ts';
import { readFailure, toError } from '../../shared/adapters/graph/graph-failure.ts';
import { PermanentError, TransientError } from '../../shared/errors.ts';
import type { CallFault } from './faults.ts';
import { answerMail } from './mail-api.ts';
import { MAIL_PATH, MailboxTraffic } from './mailbox-traffic.ts';
import { type Reply, refusal, ROOT } from './reply.ts';
import type { SimulatedMailboxes } from './simulated-mailboxes.ts';
import type { Outcome, SimulatedProcess, Surroundings } from './simulated-process.ts';
import type { SimulatedSubscriptions } from './simulated-subscriptions.ts';
import { answerBatch, answerSubscriptions, createSubscription, resourceWished } from './subscription-api.ts';

export interface SimulatedUser {
  id: string;
  address: string;
}

const shownPage = z.object({ value: z.array(z.object({ id: z.string() })) });

/** Ids of the mails on a page, for the trace. */
function idsIn(body: unknown): string {
  const page = shownPage.safeParse(body);
  return page.success ? page.data.value.map(({ id }) => id).join(' ') : '';
}

/** Graph as the app's own client sees it: paths, bodies, status codes. The adapters above it are the real ones. */
export class SimulatedGraph {
  readonly users: SimulatedUser[] = [];
  readonly groups = new Map<string, string[]>();
  readonly traffic: MailboxTraffic;
  /** Whether the endpoint at this address answers a handshake now. */
  handshake: (notificationUrl: string) => boolean = () => true;
  readonly mailboxes: SimulatedMailboxes;
  readonly subscriptions: SimulatedSubscriptions;
  readonly #around: Surroundings;

  constructor(around: Surroundings, mailboxes: SimulatedMailboxes, subscriptions: SimulatedSubscriptions) {
    this.#around = around;
    this.traffic = new MailboxTraffic(around);
    this.mailboxes = mailboxes;
    this.subscriptions = subscriptions;
  }

  /** The client of one process. */
  clientOf(process: SimulatedProcess): GraphClient {
    const ask = (
      method: string,
      path: string,
      body: unknown,
      options: GraphRequestOptions = {},
    ): Promise<GraphAnswer> =>
      this.#send(process, method, path, body, options).then((reply) =>
        reply.status < 300
          ? { ok: true as const, body: reply.body }
          : {
              ok: false as const,
              failure: readFailure(reply.status, reply.body, reply.retryAfter, process.graphClock.now()),
              cause: undefined,
            },
      );
    return {
      clock: process.graphClock,
      get: (path, options) => ask('GET', path, undefined, options),
      post: (path, body, options) => ask('POST', path, body, options),
      remove: (path) => ask('DELETE', path, undefined),
      stream: async (path, options) => {
        const reply = await this.#send(process, 'GET', path, undefined, options ?? {});
        if (reply.status < 300) return ReadableStream.from([Buffer.from(String(reply.body))]);
        const now = process.graphClock.now();
        throw toError(readFailure(reply.status, reply.body, reply.retryAfter, now), 'service', undefined);
      },
      pathOf(link) {
        if (!link.startsWith(`${ROOT}/`)) throw new PermanentError('graph:foreign-link');
        return link.slice(ROOT.length);
      },
    };
  }

  async #send(
    process: SimulatedProcess,
    method: string,
    path: string,
    body: unknown,
    { prefer = [], signal }: GraphRequestOptions,
  ): Promise<Reply> {
    const aborted = () => new TransientError('graph:no-answer');
    if (signal?.aborted) throw aborted();
    const leave = this.traffic.enter(process, path);
    const call = `${method} ${path.replace(/\$select=.*/, '').slice(0, 150)}`;
    const asking = process.request<Reply>('graph', call, (fault) => {
      leave();
      const outcome = this.#serve(process, method, path, body, prefer.join(', '), fault);
      const status = 'error' in outcome ? 'no answer' : `${outcome.value.status} ${idsIn(outcome.value.body)}`;
      this.#around.trace.note(process.name, call, status);
      return outcome;
    });
    // Whoever hung up before the answer came was told nothing.
    const told = (reply: Reply): Reply => {
      const mailbox = MAIL_PATH.exec(path)?.[1];
      if (mailbox !== undefined && reply.retryAfter !== undefined)
        this.traffic.throttle(process, mailbox, Number(reply.retryAfter));
      return reply;
    };
    if (!signal) return asking.then(told);
    return new Promise((resolve, reject) => {
      const stop = () => {
        leave();
        reject(aborted());
      };
      signal.addEventListener('abort', stop, { once: true });
      const answered = (reply: Reply) => {
        if (!signal.aborted) resolve(told(reply));
      };
      asking.then(answered, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  }

  #serve(
    process: SimulatedProcess,
    method: string,
    path: string,
    body: unknown,
    prefer: string,
    fault: CallFault | undefined,
  ): Outcome<Reply> {
    const { time, faults, downUntil } = this.#around;
    if ((downUntil.get('graph') ?? 0) > time.now()) return { value: refusal(503, 'ServiceUnavailable') };
    const reply = this.#failing(fault, method, path);
    if (reply) {
      if (fault) faults.count(fault);
      return { value: reply };
    }
    if (fault === 'graph no answer' || fault === 'graph applied, answer lost') {
      faults.count(fault);
      if (fault === 'graph applied, answer lost') this.#answer(method, path, body, prefer);
      process.troubled();
      return { error: new TransientError('graph:no-answer') };
    }
    return { value: this.#answer(method, path, body, prefer) };
  }

  /** The answer that a fault makes of this request; `undefined` where the fault does not fit it. */
  #failing(fault: CallFault | undefined, method: string, path: string): Reply | undefined {
    const { dice } = this.#around.faults;
    const mailbox = /^\/users\/([^/?]+)\/m/.exec(path)?.[1];
    if (fault === 'graph 401') return refusal(401, 'InvalidAuthenticationToken');
    if (fault === 'graph 403' && mailbox !== undefined) return refusal(403, 'ErrorAccessDenied');
    // A mail that is there is never said to be gone for no reason: that is what the lag of reads is for.
    if (fault === 'graph 404' && mailbox !== undefined && !/\/messages\/A/i.test(path))
      return refusal(404, 'MailboxNotEnabledForRESTAPI');
    if (fault === 'graph 410' && path.includes('token=')) return refusal(410, 'SyncStateNotFound');
    if (fault === 'graph 429') return this.#throttle();
    if (fault === 'graph 5xx') return refusal(dice.pick([500, 502, 503, 504]), 'ServiceUnavailable');
    if (fault === 'graph truncated' && method === 'GET')
      return { status: 200, body: dice.pick<unknown>(['<html>', '', { value: [] }, {}, []]) };
    return undefined;
  }

  #throttle(): Reply {
    const seconds = this.#around.faults.retryAfterSeconds();
    return { ...refusal(429, 'ApplicationThrottled'), retryAfter: seconds === undefined ? undefined : String(seconds) };
  }

  #answer(method: string, path: string, body: unknown, prefer: string): Reply {
    const [place = '', search = ''] = path.split('?');
    const steps = place.slice(1).split('/').map(decodeURIComponent);
    const [area, name = '', ...rest] = steps;
    if (area === 'subscriptions' && method === 'POST') return this.#create(body, prefer);
    if (area === 'subscriptions') return answerSubscriptions(this.subscriptions, method, name);
    const { faults } = this.#around;
    if (area === '$batch') return answerBatch(this.subscriptions, body, faults.dice, faults.hasCallFaults('graph'));
    if (area === 'groups') {
      const members = (this.groups.get(name) ?? []).flatMap((id) => this.users.find((user) => user.id === id) ?? []);
      return { status: 200, body: { value: members.map((user) => ({ id: user.id, mail: user.address })) } };
    }
    if (area !== 'users') return refusal(400, 'BadRequest');
    const user = this.users.find((item) => item.id === name || item.address === name);
    if (!user) return refusal(404, 'Request_ResourceNotFound');
    if (rest.length === 0) return { status: 200, body: { id: user.id, mail: user.address } };
    const refused = this.#around.refusedUntil.get(user.id);
    if (refused && refused.until > this.#around.time.now())
      return refused.status === 403 ? refusal(403, 'ErrorAccessDenied') : refusal(404, 'MailboxNotEnabledForRESTAPI');
    return answerMail(this.mailboxes, faults.dice, user.id, rest, new URLSearchParams(search), prefer);
  }

  #create(body: unknown, prefer: string): Reply {
    const [, mailbox = '', , folder = ''] = resourceWished(body).split('/');
    const refused = this.#around.refusedUntil.get(mailbox);
    if (refused && refused.until > this.#around.time.now())
      return refused.status === 403 ? refusal(403, 'ExtensionError') : refusal(404, 'ResourceNotFound');
    if (!this.mailboxes.hasFolder(mailbox, folder)) return refusal(404, 'ResourceNotFound');
    return createSubscription(this.subscriptions, body, prefer, this.handshake);
  }
}
