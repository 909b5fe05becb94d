import * as z from 'zod';
import type { GraphAnswer, GraphClient, GraphRequestOptions } from '../../shared/adapters/graph/graph-client.ts';
import { readFailure, toError } from '../../shared/adapters/graph/graph-failure.ts';
import { PermanentError, TransientError } from '../../shared/errors.ts';
import type { CallFault } from './faults.ts';
import { asDateTime, type DeltaPlace, SimulatedMailboxes } from './simulated-mailboxes.ts';
import type { Outcome, SimulatedProcess, Surroundings } from './simulated-process.ts';
import type { SimulatedSubscription, SimulatedSubscriptions } from './simulated-subscriptions.ts';

const ROOT = 'https://graph.test/v1.0';

export interface Reply {
  status: number;
  body?: unknown;
  retryAfter?: string | undefined;
}

export interface SimulatedUser {
  id: string;
  address: string;
}

/** Requests that the lane of a mailbox is about. */
const MAIL_PATH = /^\/users\/([^/?]+)\/(?:messages|mailFolders\/[^/]+\/messages)/;

interface MailboxTraffic {
  inFlight: Set<SimulatedProcess>[];
  /** Nobody may ask before that. */
  quietFrom: number;
  quietUntil: number;
  /** Who was told so, and when. */
  told: { process: SimulatedProcess; at: number } | undefined;
}

const shownPage = z.object({ value: z.array(z.object({ id: z.string() })) });

/** Ids of the mails on a page, for the trace. */
function idsIn(body: unknown): string {
  const page = shownPage.safeParse(body);
  return page.success ? page.data.value.map(({ id }) => id).join(' ') : '';
}

const refusal = (status: number, code: string, message = code): Reply => ({
  status,
  body: { error: { code, message } },
});
const notFound = () => refusal(404, 'ErrorItemNotFound');

const subscriptionBody = z.object({
  changeType: z.string(),
  resource: z.string(),
  notificationUrl: z.string(),
  expirationDateTime: z.string(),
  clientState: z.string(),
});
const batchBody = z.object({
  requests: z.array(
    z.object({
      id: z.string(),
      method: z.string(),
      url: z.string(),
      body: z.object({ expirationDateTime: z.string() }),
    }),
  ),
});

/** Graph as the app's own client sees it: paths, bodies, status codes. The adapters above it are the real ones. */
export class SimulatedGraph {
  readonly users: SimulatedUser[] = [];
  readonly groups = new Map<string, string[]>();
  /** Mailboxes that refuse everybody for a while, with the status they give. */
  readonly refusing = new Map<string, { status: 403 | 404; until: number }>();
  readonly traffic = new Map<string, MailboxTraffic>();
  readonly broken: string[] = [];
  /** Whether our endpoint answers a handshake now. */
  handshake: () => boolean = () => true;
  readonly mailboxes: SimulatedMailboxes;
  readonly subscriptions: SimulatedSubscriptions;
  readonly #around: Surroundings;

  constructor(around: Surroundings, mailboxes: SimulatedMailboxes, subscriptions: SimulatedSubscriptions) {
    this.#around = around;
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

  trafficOf(mailbox: string): MailboxTraffic {
    const known = this.traffic.get(mailbox) ?? { inFlight: [], quietFrom: 0, quietUntil: 0, told: undefined };
    this.traffic.set(mailbox, known);
    return known;
  }

  #breaks(process: SimulatedProcess, what: string): void {
    this.broken.push(what);
    this.#around.trace.note(process.name, 'BREAKS', what);
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
    const leave = this.#enter(process, path);
    const call = `${method} ${path.replace(/\$select=.*/, '').slice(0, 150)}`;
    const asking = process.request<Reply>('graph', call, (fault) => {
      leave();
      const outcome = this.#serve(process, method, path, body, prefer.join(', '), fault);
      const status = 'error' in outcome ? 'no answer' : `${outcome.value.status} ${idsIn(outcome.value.body)}`;
      this.#around.trace.note(process.name, call, status);
      return outcome;
    });
    if (!signal) return asking;
    return new Promise((resolve, reject) => {
      const stop = () => {
        leave();
        reject(aborted());
      };
      signal.addEventListener('abort', stop, { once: true });
      asking.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  }

  /** Counts a request for mail while it is under way; checks the bounds that Graph sets. */
  #enter(process: SimulatedProcess, path: string): () => void {
    const mailbox = MAIL_PATH.exec(path)?.[1];
    if (mailbox === undefined) return () => undefined;
    const traffic = this.trafficOf(mailbox);
    const now = this.#around.time.now();
    // Whoever was told may have died with it, or found no table to write it to; nobody else can know then.
    const { told } = traffic;
    const isWritten = told && !told.process.isDown && told.process.forgetfulAt <= told.at;
    if (isWritten && now > traffic.quietFrom && now < traffic.quietUntil && process.troubledAt < told.at - 45_000)
      this.#breaks(
        process,
        `Retry-After: ${process.name} asks mailbox ${mailbox} ${Math.round((traffic.quietUntil - now) / 1000)} s too early`,
      );
    const mine = new Set([process]);
    traffic.inFlight.push(mine);
    const askers = new Set(traffic.inFlight.flatMap((item) => [...item]));
    const calm = [...askers].every((asker) => !asker.isDown && now - asker.troubledAt > 180_000);
    if (traffic.inFlight.length > 4 && calm)
      this.#breaks(process, `four at once: ${traffic.inFlight.length} requests in flight for mailbox ${mailbox}`);
    if (askers.size > 1 && calm)
      this.#breaks(
        process,
        `one lane holder: ${[...askers].map((asker) => asker.name).join(' and ')} read mailbox ${mailbox} at once`,
      );
    let left = false;
    return () => {
      if (left) return;
      left = true;
      traffic.inFlight.splice(traffic.inFlight.indexOf(mine), 1);
    };
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
    const reply = this.#failing(process, fault, method, path);
    if (reply) {
      if (fault) faults.count(fault);
      return { value: reply };
    }
    if (fault === 'graph no answer' || fault === 'graph applied, answer lost') {
      faults.count(fault);
      if (fault === 'graph applied, answer lost') this.#answer(method, path, body, prefer);
      process.troubled('graph');
      return { error: new TransientError('graph:no-answer') };
    }
    return { value: this.#answer(method, path, body, prefer) };
  }

  /** The answer that a fault makes of this request; `undefined` where the fault does not fit it. */
  #failing(process: SimulatedProcess, fault: CallFault | undefined, method: string, path: string): Reply | undefined {
    const { dice } = this.#around.faults;
    const mailbox = /^\/users\/([^/?]+)\/m/.exec(path)?.[1];
    if (fault === 'graph 401') return refusal(401, 'InvalidAuthenticationToken');
    if (fault === 'graph 403' && mailbox !== undefined) return refusal(403, 'ErrorAccessDenied');
    // A mail that is there is never said to be gone for no reason: that is what the lag of reads is for.
    if (fault === 'graph 404' && mailbox !== undefined && !/\/messages\/A/i.test(path))
      return refusal(404, 'MailboxNotEnabledForRESTAPI');
    if (fault === 'graph 410' && path.includes('token=')) return refusal(410, 'SyncStateNotFound');
    if (fault === 'graph 429') return this.#throttle(process, MAIL_PATH.exec(path)?.[1]);
    if (fault === 'graph 5xx') return refusal(dice.pick([500, 502, 503, 504]), 'ServiceUnavailable');
    if (fault === 'graph truncated' && method === 'GET')
      return { status: 200, body: dice.pick<unknown>(['<html>', '', { value: [] }, {}, []]) };
    return undefined;
  }

  #throttle(process: SimulatedProcess, mailbox: string | undefined): Reply {
    const { time, faults } = this.#around;
    const seconds = faults.retryAfterSeconds();
    if (mailbox !== undefined && seconds !== undefined) {
      const traffic = this.trafficOf(mailbox);
      const until = time.now() + Math.min(seconds, 600) * 1000;
      // The answer has to arrive and the pause has to be written before anybody can know of it.
      if (until > traffic.quietUntil) {
        traffic.quietFrom = time.now() + 15_000;
        traffic.quietUntil = until - 1_500;
        traffic.told = { process, at: time.now() };
      }
    }
    return { ...refusal(429, 'ApplicationThrottled'), retryAfter: seconds === undefined ? undefined : String(seconds) };
  }

  #answer(method: string, path: string, body: unknown, prefer: string): Reply {
    const [place = '', search = ''] = path.split('?');
    const steps = place.slice(1).split('/').map(decodeURIComponent);
    const [area, name = '', ...rest] = steps;
    if (area === 'subscriptions') return this.#subscriptions(method, name, body, prefer);
    if (area === '$batch') return this.#batch(body);
    if (area === 'groups') {
      const members = (this.groups.get(name) ?? []).flatMap((id) => this.users.find((user) => user.id === id) ?? []);
      return { status: 200, body: { value: members.map((user) => ({ id: user.id, mail: user.address })) } };
    }
    if (area !== 'users') return refusal(400, 'BadRequest');
    const user = this.users.find((item) => item.id === name || item.address === name);
    if (!user) return refusal(404, 'Request_ResourceNotFound');
    if (rest.length === 0) return { status: 200, body: { id: user.id, mail: user.address } };
    const refused = this.refusing.get(user.id);
    if (refused && refused.until > this.#around.time.now())
      return refused.status === 403 ? refusal(403, 'ErrorAccessDenied') : refusal(404, 'MailboxNotEnabledForRESTAPI');
    return this.#mail(user.id, rest, new URLSearchParams(search), prefer);
  }

  #mail(mailbox: string, steps: string[], search: URLSearchParams, prefer: string): Reply {
    const [kind, id = '', part, last] = steps;
    const immutable = prefer.includes('ImmutableId');
    if (kind === 'messages') {
      const mail = this.mailboxes.find(mailbox, id);
      if (!mail) return notFound();
      if (part === '$value') return { status: 200, body: `mime of ${mail.id}` };
      if (part === 'attachments') return { status: 200, body: { value: [] } };
      return { status: 200, body: this.mailboxes.show(mail, 'single', immutable) };
    }
    // `inbox` is a well-known name; other folders go by id here.
    const folder = id === 'inbox' ? 'inbox-id' : id;
    if (!this.mailboxes.hasFolder(mailbox, folder)) return notFound();
    if (part === undefined) return { status: 200, body: { id: folder } };
    if (part !== 'messages') return notFound();
    return last === 'delta'
      ? this.#delta(mailbox, folder, search, prefer, immutable)
      : this.#list(mailbox, folder, search, immutable);
  }

  #delta(mailbox: string, folder: string, search: URLSearchParams, prefer: string, immutable: boolean): Reply {
    const { faults } = this.#around;
    const token = search.get('$skiptoken') ?? search.get('$deltatoken');
    let from: DeltaPlace;
    if (token === null) {
      const since = /^receivedDateTime ge (.+)$/.exec(search.get('$filter') ?? '')?.[1];
      if (since === undefined || search.get('changeType') !== 'created') return refusal(400, 'ErrorInvalidUrlQuery');
      from = { mailbox, folder, since: Date.parse(since), position: 0, epoch: this.mailboxes.epoch };
    } else {
      const [since = 0, position = 0, epoch = 0] = token.split('.').map(Number);
      if (epoch !== this.mailboxes.epoch) return refusal(410, 'syncStateNotFound');
      // The same item may appear more than once.
      const again = position > 0 && faults.dice.chance(0.02) ? 1 : 0;
      from = { mailbox, folder, since, position: position - again, epoch };
    }
    const size = Number(/odata\.maxpagesize=(\d+)/.exec(prefer)?.[1] ?? 10);
    const { mails, place, more } = this.mailboxes.page(from, size);
    const name = more ? '$skiptoken' : '$deltatoken';
    const link = `${ROOT}/users/${mailbox}/mailFolders/${folder}/messages/delta?${name}=${place.since}.${place.position}.${place.epoch}`;
    const value = mails.map((mail) => this.mailboxes.show(mail, 'delta', immutable));
    if (faults.dice.chance(0.01)) value.push({ id: 'AAgone=', '@removed': { reason: 'deleted' } });
    return { status: 200, body: { value, [more ? '@odata.nextLink' : '@odata.deltaLink']: link } };
  }

  #list(mailbox: string, folder: string, search: URLSearchParams, immutable: boolean): Reply {
    const [, field, text = ''] = /^(\w+) ge (.+)$/.exec(search.get('$filter') ?? '') ?? [];
    if (field !== 'receivedDateTime' && field !== 'lastModifiedDateTime') return refusal(400, 'ErrorInvalidUrlQuery');
    const timeOf = field === 'receivedDateTime' ? 'receivedAt' : 'modifiedAt';
    const skip = Number(search.get('$skip') ?? 0);
    const second = (time: number) => Math.floor(time / 1000);
    const mails = this.mailboxes
      .inFolder(mailbox, folder)
      .filter((mail) => second(mail[timeOf]) >= second(Date.parse(text)))
      .toSorted((a, b) => a[timeOf] - b[timeOf] || (a.id < b.id ? -1 : 1))
      .slice(skip, skip + Number(search.get('$top') ?? 10));
    const value = mails.map((mail) => ({
      ...this.mailboxes.show(mail, 'list', immutable),
      lastModifiedDateTime: asDateTime(mail.modifiedAt),
    }));
    return { status: 200, body: { value } };
  }

  #subscriptions(method: string, id: string, body: unknown, prefer: string): Reply {
    const store = this.subscriptions;
    const shown = (item: SimulatedSubscription) => ({
      id: item.id,
      resource: item.resource,
      notificationUrl: item.notificationUrl,
      clientState: null,
      expirationDateTime: new Date(item.expiresAt).toISOString(),
    });
    if (method === 'POST') return this.#create(subscriptionBody.parse(body), prefer.includes('ImmutableId'), shown);
    if (id === '') return { status: 200, body: { value: store.live().map(shown) } };
    const found = store.get(id);
    if (!found) return refusal(404, 'ResourceNotFound');
    if (method === 'DELETE') {
      store.all.delete(id);
      return { status: 204 };
    }
    return { status: 200, body: shown(found) };
  }

  #create(
    wish: z.infer<typeof subscriptionBody>,
    immutable: boolean,
    shown: (item: SimulatedSubscription) => unknown,
  ): Reply {
    const store = this.subscriptions;
    const mailbox = wish.resource.split('/')[1] ?? '';
    const refused = this.refusing.get(mailbox);
    if (refused && refused.until > this.#around.time.now())
      return refused.status === 403 ? refusal(403, 'ExtensionError') : refusal(404, 'ResourceNotFound');
    if (!this.mailboxes.hasFolder(mailbox, wish.resource.split('/')[3] ?? '')) return refusal(404, 'ResourceNotFound');
    if (!this.handshake()) return refusal(400, 'ValidationError', 'Subscription validation request timed out.');
    const expiresAt = store.grant(Date.parse(wish.expirationDateTime));
    if (expiresAt === undefined)
      return refusal(400, 'ExtensionError', 'Subscription expiration can only be minutes in the future.');
    const same = store.on(wish.resource);
    if (same)
      return refusal(
        409,
        'ExtensionError',
        `Subscription Id <${same.id}> already exists for the requested combination`,
      );
    const { resource, notificationUrl, clientState } = wish;
    return { status: 201, body: shown(store.put({ resource, notificationUrl, clientState, expiresAt, immutable })) };
  }

  #batch(body: unknown): Reply {
    const { faults } = this.#around;
    const responses = batchBody.parse(body).requests.map((request) => {
      const found = this.subscriptions.get(request.url.split('/').at(-1) ?? '');
      const reply = (status: number, content: unknown) => ({ id: request.id, status, body: content });
      if (!found) return reply(404, { error: { code: 'ResourceNotFound' } });
      if (faults.onCall('graph') === 'graph 5xx') return reply(503, { error: { code: 'ServiceUnavailable' } });
      const expiresAt = this.subscriptions.grant(Date.parse(request.body.expirationDateTime));
      if (expiresAt === undefined) return reply(400, { error: { code: 'ErrorInvalidParameter' } });
      this.subscriptions.patch(found, expiresAt);
      return reply(200, { id: found.id, expirationDateTime: new Date(expiresAt).toISOString() });
    });
    // Parts come in any order, and one may be missing.
    if (faults.onCall('graph') !== undefined) responses.pop();
    return { status: 200, body: { responses: responses.toReversed() } };
  }
}
