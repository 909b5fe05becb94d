import { createHash } from 'node:crypto';
import * as z from 'zod';
import { SHORT_LIFE_MINUTES } from '../../domain/watched-folder.ts';
import { TransientError } from '../../errors.ts';
import type {
  CreateOutcome,
  GraphSubscriptions,
  OwnSubscription,
  RenewOutcome,
  SubscriptionRequest,
} from '../../ports.ts';
import { type GraphClient, IMMUTABLE_IDS, segment } from './graph-client.ts';
import { type GraphFailure, readFailure, toError } from './graph-failure.ts';

const grantedSchema = z.looseObject({
  id: z.string().min(1),
  expirationDateTime: z.iso.datetime({ offset: true }).transform((value) => new Date(value)),
});

const listedSchema = z.looseObject({ id: z.string(), resource: z.string(), notificationUrl: z.string().nullish() });

const listSchema = z.looseObject({ value: z.array(listedSchema), '@odata.nextLink': z.string().optional() });

const batchSchema = z.looseObject({ responses: z.array(z.unknown()) });

/** Each part is read alone: one that makes no sense must not spoil the other nineteen. */
const partSchema = z.looseObject({
  id: z.string(),
  status: z.number(),
  headers: z.record(z.string(), z.unknown()).catch({}).default({}),
  body: z.unknown().optional(),
});
type Part = z.infer<typeof partSchema>;

/** What marks a subscription as made by this installation, whatever its host name was then. */
export const appMark = (tenant: string, client: string, namespace: string): string =>
  shortHash([tenant, client, namespace].join('\n').toLowerCase());

const shortHash = (text: string) => createHash('sha256').update(text).digest('base64url').slice(0, 11);

interface Settings {
  publicBaseUrl: string;
  mark: string;
}

const MAX_PAGES = 10_000;
/** 25 pages in 20 seconds are allowed (throttling-limits, 2026-02): a list of thousands has to wait now and then. */
const LIST_PATIENCE_MS = 30_000;
/** Where a throttled part names no time. */
const THROTTLED_MS = 60_000;

/** Change notification subscriptions (resources/subscription, 2026-09; fact sheet 1). */
export function makeGraphSubscriptions(graph: GraphClient, { publicBaseUrl, mark }: Settings): GraphSubscriptions {
  const inMinutes = (minutes: number) => new Date(graph.clock.now() + minutes * 60_000).toISOString();
  const query = `?app=${mark}`;
  const notificationUrl = `${publicBaseUrl}/api/notifications${query}`;

  const bodyOf = ({ mailbox, folderId, clientState, minutes }: SubscriptionRequest) => ({
    changeType: 'created',
    resource: `users/${mailbox}/mailFolders/${folderId}/messages`,
    notificationUrl,
    lifecycleNotificationUrl: `${publicBaseUrl}/api/lifecycle-notifications${query}`,
    expirationDateTime: inMinutes(minutes),
    clientState,
    latestSupportedTlsVersion: 'v1_2',
  });

  const toOwn = (raw: z.infer<typeof listedSchema>): OwnSubscription => {
    const url = raw.notificationUrl ? URL.parse(raw.notificationUrl) : null;
    return { id: raw.id, resource: raw.resource, ours: url?.searchParams.get('app') === mark };
  };

  async function create(request: SubscriptionRequest): Promise<CreateOutcome> {
    const answer = await graph.post('/subscriptions', bodyOf(request), { prefer: [IMMUTABLE_IDS] });
    if (answer.ok) {
      const granted = grantedSchema.safeParse(answer.body);
      if (!granted.success) throw new TransientError('graph:subscription-unreadable', { cause: granted.error });
      const { id, expirationDateTime } = granted.data;
      return { kind: 'created', subscription: { id, expiresAt: expirationDateTime }, minutes: request.minutes };
    }
    const refusal = judgeCreate(answer.failure);
    if (refusal === 'too-long' && request.minutes > SHORT_LIFE_MINUTES)
      return create({ ...request, minutes: SHORT_LIFE_MINUTES });
    if (refusal && refusal !== 'too-long') return refusal;
    throw toError(answer.failure, 'service', answer.cause);
  }

  return {
    clock: graph.clock,
    endpoint: shortHash(notificationUrl),
    create,

    async renew(subscriptions) {
      const requests = subscriptions.map(({ id, minutes }, position) => ({
        id: String(position),
        method: 'PATCH',
        url: `/subscriptions/${segment(id)}`,
        headers: { 'Content-Type': 'application/json' },
        body: { expirationDateTime: inMinutes(minutes) },
      }));
      const answer = await graph.post('/$batch', { requests });
      if (!answer.ok) throw toError(answer.failure, 'service', answer.cause);
      const batch = batchSchema.safeParse(answer.body);
      if (!batch.success) throw new TransientError('graph:batch-unreadable', { cause: batch.error });
      const parts = batch.data.responses.flatMap((raw) => partSchema.safeParse(raw).data ?? []);
      if (parts.length === 0 && batch.data.responses.length > 0) throw new TransientError('graph:batch-unreadable');
      // Parts come in any order, and one may be missing: it counts as failed and is tried at the next turn.
      return subscriptions.map((_, position): RenewOutcome => {
        const part = parts.find((response) => response.id === String(position));
        return part ? judgeRenewal(part, graph.clock.now()) : { kind: 'failed', code: 'no-answer' };
      });
    },

    async get(id) {
      const answer = await graph.get(`/subscriptions/${segment(id)}`);
      if (!answer.ok && answer.failure.status === 404) return 'gone';
      if (!answer.ok) throw toError(answer.failure, 'service', answer.cause);
      const found = listedSchema.safeParse(answer.body);
      if (!found.success) throw new TransientError('graph:subscription-unreadable', { cause: found.error });
      return toOwn(found.data);
    },

    async list() {
      const found: OwnSubscription[] = [];
      const asked = new Set<string>();
      for (let path: string | undefined = '/subscriptions'; path !== undefined; ) {
        // Half a list, or one without end, must not pass for the whole.
        if (asked.has(path) || asked.size >= MAX_PAGES) throw new TransientError('graph:list-without-end');
        asked.add(path);
        const answer = await graph.get(path, { patienceMs: LIST_PATIENCE_MS });
        if (!answer.ok) throw toError(answer.failure, 'service', answer.cause);
        const page = listSchema.safeParse(answer.body);
        if (!page.success) throw new TransientError('graph:list-unreadable', { cause: page.error });
        found.push(...page.data.value.map(toOwn));
        const next = page.data['@odata.nextLink'];
        path = next && graph.pathOf(next);
      }
      return found;
    },

    async remove(id) {
      const answer = await graph.remove(`/subscriptions/${segment(id)}`);
      if (!answer.ok && answer.failure.status !== 404) throw toError(answer.failure, 'service', answer.cause);
    },
  };
}

/** Exchange's own answer comes wrapped in the text of an `ExtensionError` (fact sheet 1.3). */
const innerStatus = (message: string): string | undefined => /\[Status Code: (\w+)/.exec(message)?.[1];

function judgeCreate(failure: GraphFailure): CreateOutcome | 'too-long' | undefined {
  const { status, code, message } = failure;
  const inner = innerStatus(message);
  if (status === 409) {
    const id = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i.exec(message)?.[0];
    return { kind: 'exists', id };
  }
  if (status === 400 && /validation/i.test(`${code} ${message}`)) return { kind: 'endpoint-refused', code };
  if (status === 400 && /expiration|minutes in the future|ErrorInvalidParameter/i.test(`${code} ${message}`))
    return 'too-long';
  if (status === 403 && /maximum|limit|quota/i.test(message)) return { kind: 'quota', code };
  if (status === 403 || inner === 'Forbidden') return { kind: 'unavailable', trouble: 'no-access', code };
  if (status === 404 || inner === 'NotFound') return { kind: 'unavailable', trouble: 'not-found', code };
  return undefined;
}

function judgeRenewal({ status, headers, body }: Part, now: number): RenewOutcome {
  if (status >= 200 && status < 300) {
    const granted = grantedSchema.safeParse(body);
    if (!granted.success) return { kind: 'failed', code: 'unreadable' };
    return { kind: 'renewed', subscription: { id: granted.data.id, expiresAt: granted.data.expirationDateTime } };
  }
  const [, retryAfter] = Object.entries(headers).find(([name]) => name.toLowerCase() === 'retry-after') ?? [];
  const { code, retryAfterMs } = readFailure(
    status,
    body,
    typeof retryAfter === 'string' ? retryAfter : undefined,
    now,
  );
  if (status === 404 || status === 410) return { kind: 'gone' };
  if (status === 403) return { kind: 'unavailable', trouble: 'no-access', code };
  if (status === 429) return { kind: 'failed', code, retryAfterMs: retryAfterMs ?? THROTTLED_MS };
  return { kind: 'failed', code };
}
