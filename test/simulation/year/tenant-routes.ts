import * as z from 'zod';
import type { Counted } from './quotas.ts';
import type { Tenant, TenantSubscription, Trouble } from './tenant.ts';

export interface Reply {
  /** 0: no answer. */
  status: number;
  body?: unknown;
  retryAfter?: string | undefined;
}

export const ROOT = 'https://graph.test/v1.0';

const createBody = z.object({
  changeType: z.string(),
  resource: z.string(),
  notificationUrl: z.string(),
  lifecycleNotificationUrl: z.string(),
  expirationDateTime: z.string(),
  clientState: z.string(),
});
const batchBody = z.object({
  requests: z.array(z.object({ id: z.string(), url: z.string(), body: z.object({ expirationDateTime: z.string() }) })),
});

const refusal = (status: number, code: string, message = code): Reply => ({
  status,
  body: { error: { code, message } },
});

const show = ({ id, resource, notificationUrl, lifecycleNotificationUrl, expiresAt }: TenantSubscription) => ({
  id,
  resource,
  changeType: 'created',
  notificationUrl,
  lifecycleNotificationUrl: lifecycleNotificationUrl ?? null,
  expirationDateTime: new Date(expiresAt).toISOString(),
  // Never shown (subscription-list, 2026-05).
  clientState: null,
});

const troubled = ({ status, code = `status${status}`, retryAfterSeconds }: Trouble): Reply => ({
  ...refusal(status, code),
  retryAfter: retryAfterSeconds === undefined ? undefined : String(retryAfterSeconds),
});

const MAILBOX = /users\/([^/?]+)/;

/** Answers what this app asks of Graph about subscriptions, users, groups and folders. `mark`: whose they are. */
export function serve(tenant: Tenant, mark: string, method: string, path: string, body?: unknown): Reply {
  const [place = '', search = ''] = path.split('?');
  const trouble = tenant.trouble(method, path);
  if (trouble && !trouble.applied) return troubled(trouble);
  const reply = answer(tenant, mark, method, place.slice(1).split('/'), new URLSearchParams(search), body);
  return trouble ? troubled(trouble) : reply;
}

function answer(
  tenant: Tenant,
  mark: string,
  method: string,
  [area = '', name = '', part = '']: string[],
  search: URLSearchParams,
  body: unknown,
): Reply {
  if (area === 'subscriptions') {
    const kind: Counted = method === 'GET' ? (name ? 'read' : 'list') : 'write';
    const wait = tenant.quotas.take(kind);
    if (wait !== undefined) return troubled({ status: 429, code: 'TooManyRequests', retryAfterSeconds: wait });
    if (method === 'POST') return create(tenant, body);
    if (!name) return list(tenant, Number(search.get('$skiptoken') ?? 0));
    const found = owned(tenant, name);
    if (!found) return refusal(404, 'ResourceNotFound');
    if (method === 'GET') return { status: 200, body: show(found) };
    if (!found.notificationUrl.endsWith(`?app=${mark}`)) tenant.witness.touched?.(found);
    tenant.end(found, 'deleted');
    return { status: 204 };
  }
  if (area === '$batch') return batch(tenant, mark, body);
  if (area === 'groups') return group(tenant, name, Number(search.get('$skiptoken') ?? 0));
  const id = tenant.users.has(name) ? name : [...tenant.users].find(([, address]) => address === name)?.[0];
  if (id === undefined) return refusal(404, 'Request_ResourceNotFound');
  if (!part) return { status: 200, body: { id, mail: tenant.users.get(id) } };
  return refused(tenant, id) ?? { status: 200, body: { id: 'inbox-id' } };
}

function refused(tenant: Tenant, mailbox: string): Reply | undefined {
  const status = tenant.refusing.get(mailbox);
  return status && refusal(status, status === 403 ? 'ErrorAccessDenied' : 'MailboxNotEnabledForRESTAPI');
}

function owned(tenant: Tenant, id: string): TenantSubscription | undefined {
  const found = tenant.live(decodeURIComponent(id));
  if (found?.app === 'another') {
    tenant.witness.touched?.(found);
    return undefined;
  }
  return found;
}

function create(tenant: Tenant, body: unknown): Reply {
  const { expirationDateTime, changeType: _, ...wish } = createBody.parse(body);
  const no = refused(tenant, MAILBOX.exec(wish.resource)?.[1] ?? '');
  if (no) return no;
  const expiresAt = tenant.grant(Date.parse(expirationDateTime));
  if (expiresAt === undefined)
    return refusal(
      400,
      'ExtensionError',
      `Subscription expiration can only be ${tenant.maxMinutes} minutes in the future.`,
    );
  const same = tenant.on(wish.resource);
  if (same) return refusal(409, 'Conflict', `Subscription Id ${same.id} already exists for the requested combination`);
  return { status: 201, body: show(tenant.put({ ...wish, expiresAt })) };
}

function list(tenant: Tenant, skip: number): Reply {
  // Everything this app made, also what another installation of it made.
  const own = tenant.sweep().filter((item) => item.app === 'us' && !tenant.unlisted(item));
  const end = skip + tenant.pageSize;
  const more = end < own.length && { '@odata.nextLink': `${ROOT}/subscriptions?$skiptoken=${end}` };
  return { status: 200, body: { value: own.slice(skip, end).map(show), ...more } };
}

function batch(tenant: Tenant, mark: string, body: unknown): Reply {
  const { requests } = batchBody.parse(body);
  if (requests.length > 20) return refusal(400, 'BadRequest');
  const responses = requests.flatMap((request) => {
    const id = request.url.split('/').at(-1) ?? '';
    const found = owned(tenant, id);
    if (found && !found.notificationUrl.endsWith(`?app=${mark}`)) tenant.witness.touched?.(found);
    const trouble = tenant.partTrouble(id);
    const reply =
      trouble && !trouble.applied ? troubled(trouble) : patch(tenant, found, request.body.expirationDateTime);
    const { status, body: content, retryAfter } = trouble ? troubled(trouble) : reply;
    if (status === 0) return [];
    return [{ id: request.id, status, ...(retryAfter && { headers: { 'Retry-After': retryAfter } }), body: content }];
  });
  // Parts come in any order.
  return { status: 200, body: { responses: responses.toReversed() } };
}

function patch(tenant: Tenant, found: TenantSubscription | undefined, wish: string): Reply {
  const wait = tenant.quotas.take('write');
  if (wait !== undefined) return troubled({ status: 429, code: 'TooManyRequests', retryAfterSeconds: wait });
  if (!found) return refusal(404, 'ResourceNotFound');
  const no = refused(tenant, MAILBOX.exec(found.resource)?.[1] ?? '');
  if (no) return no;
  const expiresAt = tenant.grant(Date.parse(wish));
  if (expiresAt === undefined) return refusal(400, 'ErrorInvalidParameter');
  tenant.patch(found, expiresAt);
  return { status: 200, body: show(found) };
}

function group(tenant: Tenant, name: string, skip: number): Reply {
  const known = tenant.groups.get(name);
  const members = known && tenant.readingOf(known);
  if (!members) return refusal(404, 'Request_ResourceNotFound');
  const end = skip + tenant.pageSize;
  const value = members.slice(skip, end).map((id) => ({ id, mail: tenant.users.get(id) }));
  const more = end < members.length && { '@odata.nextLink': `${ROOT}/groups/${name}/members?$skiptoken=${end}` };
  return { status: 200, body: { value, ...more } };
}
