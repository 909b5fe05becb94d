import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import * as z from 'zod';
import { errorCode } from '../errors.ts';
import { log } from '../log.ts';
import type { Erasure } from '../use-cases/erase-mailbox.ts';
import type { ManageMailboxes, Refusal } from '../use-cases/manage-mailboxes.ts';
import { withContextLog } from './context-log.ts';

/** `undefined`: allowed; else why not. */
export type Authorize = (authorization: string | null) => Promise<'unauthorized' | 'forbidden' | undefined>;

const addSchema = z.object({ mailbox: z.string().min(1).max(320) });
const syncSchema = z
  .object({
    retryParked: z.boolean().default(false),
    replayFrom: z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .optional(),
  })
  .strict();

const problem = (status: number, error: string): HttpResponseInit => ({ status, jsonBody: { error } });

const REFUSALS: Readonly<Record<Refusal['refused'], HttpResponseInit>> = {
  'not-found': problem(404, 'No such mailbox. Check the address, or wait until a new user is provisioned.'),
  'no-access': problem(
    403,
    'Graph refuses to look this mailbox up. Grant the app User.Read.All, or use the object id.',
  ),
  busy: problem(409, 'This mailbox is being read just now. It is no longer watched; erase it again in two minutes.'),
  'taken-back': problem(409, 'Somebody added this mailbox again while it was being removed. It is watched.'),
  'named-in-group': problem(409, 'This mailbox is a member of MAILBOX_GROUP_ID. Take it out of the group first.'),
  'named-in-settings': problem(409, 'This mailbox is named in MAILBOXES. Take it out of the setting first.'),
};

const answer = (
  result: Exclude<Awaited<ReturnType<ManageMailboxes[keyof ManageMailboxes]>>, undefined | unknown[]>,
): HttpResponseInit => ('refused' in result ? REFUSALS[result.refused] : { status: 200, jsonBody: result });

/** Whoever erases needs the MessageIds even where storage gave up half-way: a second answer may not hold them any more. */
const removed = (result: Erasure | Refusal): HttpResponseInit =>
  'left' in result ? { status: 503, jsonBody: { error: BROKEN_OFF, erased: result.erased } } : answer(result);

const BROKEN_OFF =
  'Storage did not answer, and something of this mailbox is left. Erase it again, and let the CRM drop the MessageIds of both answers.';

/** `/api/mailboxes`, `/api/mailboxes/{id}` and `/api/mailboxes/{id}/sync`. */
export const adminEndpoint =
  (manage: ManageMailboxes, authorize: Authorize) =>
  (request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> =>
    withContextLog(context, async () => {
      try {
        const denied = await authorize(request.headers.get('authorization'));
        if (denied) return { status: denied === 'forbidden' ? 403 : 401 };
        return await route(manage, request);
      } catch (error) {
        log('error', 'admin request failed', { code: errorCode(error) });
        return problem(503, 'Graph, storage or the sign-in did not answer. Try again.');
      }
    });

async function route(manage: ManageMailboxes, request: HttpRequest): Promise<HttpResponseInit> {
  const { id, action } = request.params;
  if (action !== undefined) {
    if (!id || action !== 'sync' || request.method !== 'POST') return problem(404, 'No such route.');
    const body = syncSchema.default({ retryParked: false }).safeParse(await readJson(request));
    if (!body.success)
      return problem(
        400,
        'The body may hold { "retryParked": true }, { "replayFrom": "2026-11-21T00:00:00Z" }, both, or be empty.',
      );
    const { retryParked, replayFrom } = body.data;
    return answer(await manage.sync(id, retryParked, replayFrom));
  }
  if (id === undefined) {
    if (request.method === 'GET') return { status: 200, jsonBody: { mailboxes: await manage.list() } };
    if (request.method !== 'POST') return problem(405, 'Use GET or POST.');
    const body = addSchema.safeParse(await readJson(request));
    if (!body.success) return problem(400, 'The body must be { "mailbox": "<address or object id>" }.');
    return answer(await manage.add(body.data.mailbox));
  }
  if (request.method === 'GET') return answer((await manage.report(id)) ?? { refused: 'not-found' });
  if (request.method === 'DELETE') return removed(await manage.remove(id, request.query.get('erase') === 'true'));
  return problem(405, 'Use GET or DELETE.');
}

/** `undefined` for no body; `null`, which no schema takes, for one that is no JSON. */
async function readJson(request: HttpRequest): Promise<unknown> {
  const text = await request.text();
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
