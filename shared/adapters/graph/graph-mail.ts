import { optionsHash } from '../../domain/delta.ts';
import { PermanentError, TransientError } from '../../errors.ts';
import type { DeltaAnswer, GraphMail, Window, WindowPage } from '../../ports.ts';
import { type GraphAnswer, type GraphClient, IMMUTABLE_IDS, query, segment } from './graph-client.ts';
import { isDeltaExpired, isMailboxGone, toError } from './graph-failure.ts';
import {
  ATTACHMENT_FIELDS,
  ATTACHMENT_FIELDS_WITH_CONTENT_ID,
  MESSAGE_FIELDS,
  parseMessage,
  parsePage,
} from './graph-message.ts';

/** What to ask for with every mail, best first: some tenants and clouds refuse the cast, or to expand at all. */
const OPTION_SETS: readonly Record<string, string>[] = [
  { $select: MESSAGE_FIELDS, $expand: `attachments($select=${ATTACHMENT_FIELDS_WITH_CONTENT_ID})` },
  { $select: MESSAGE_FIELDS, $expand: `attachments($select=${ATTACHMENT_FIELDS})` },
  { $select: MESSAGE_FIELDS },
];
const HASHES = OPTION_SETS.map(optionsHash);

const WINDOW_FIELDS = `${MESSAGE_FIELDS},lastModifiedDateTime`;
const ID_FIELDS = 'id,receivedDateTime,lastModifiedDateTime,isDraft';

const folderPath = (mailbox: string, folderId: string) => `/users/${segment(mailbox)}/mailFolders/${segment(folderId)}`;
const messagePath = (mailbox: string, id: string) => `/users/${segment(mailbox)}/messages/${segment(id)}`;

const pageOf = (size: number) => [IMMUTABLE_IDS, `odata.maxpagesize=${size}`];

/** Graph writes times without milliseconds in filters. */
const wholeSeconds = (time: Date) => time.toISOString().replace(/\.\d+Z$/, 'Z');

const unwrap = (answer: GraphAnswer): unknown => {
  if (answer.ok) return answer.body;
  throw toError(answer.failure, 'mailbox', answer.cause);
};

/** Asks for the attachment list where the expansion was left out without a word. */
async function withAttachments(
  graph: GraphClient,
  mailbox: string,
  id: string,
  body: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (typeof body !== 'object' || body === null || 'attachments' in body) return body;
  const path = `${messagePath(mailbox, id)}/attachments?${query({ $select: ATTACHMENT_FIELDS })}`;
  const answer = await graph.get(path, { prefer: [IMMUTABLE_IDS], signal });
  // Deleted between the two requests. What is refused for one list says nothing about the mailbox.
  if (!answer.ok && isMailboxGone(answer.failure)) throw toError(answer.failure, 'mailbox', answer.cause);
  if (!answer.ok && answer.failure.status === 404) return 'gone';
  if (!answer.ok) throw toError(answer.failure, 'service', answer.cause);
  const list = answer.body;
  return {
    ...body,
    attachments: typeof list === 'object' && list !== null && 'value' in list ? list.value : undefined,
  };
}

/** Remembers, while the process lives, which option set a mailbox's tenant takes. */
function makeOptionMemory() {
  const levels = new Map<string, number>();
  /** Asks with the best set that is not known to be refused; 400 leads to the next one. */
  return async (
    mailbox: string,
    ask: (options: Record<string, string>) => Promise<GraphAnswer>,
  ): Promise<{ answer: GraphAnswer; level: number }> => {
    const first = levels.get(mailbox) ?? 0;
    let refusal: GraphAnswer | undefined;
    for (const [offset, options] of OPTION_SETS.slice(first).entries()) {
      const answer = await ask(options);
      const level = first + offset;
      if (answer.ok || answer.failure.status !== 400) {
        // A lower set is remembered only once it has helped: a 400 may have had another cause.
        if (answer.ok && offset > 0) levels.set(mailbox, level);
        return { answer, level };
      }
      refusal ??= answer;
    }
    return { answer: refusal ?? (await ask({})), level: first };
  };
}

/** Reads mail from Graph: delta per folder, time windows, single messages. */
export function makeGraphMail(graph: GraphClient, hasDelta: boolean): GraphMail {
  const askWithOptions = makeOptionMemory();

  function toDelta(body: unknown): DeltaAnswer {
    const page = parsePage(body);
    const { next, delta } = page?.links ?? {};
    if (!page || (!next && !delta)) throw new TransientError('graph:not-a-delta-page');
    const link = next ?? delta ?? '';
    graph.pathOf(link);
    return { entries: page.entries, count: page.count, next: { kind: next ? 'next' : 'delta', link } };
  }

  return {
    clock: graph.clock,
    hasDelta,
    isCurrent: (options) => HASHES.includes(options),

    async getMail(mailbox, id, signal) {
      const { answer } = await askWithOptions(mailbox, (options) =>
        graph.get(`${messagePath(mailbox, id)}?${query(options)}`, { prefer: [IMMUTABLE_IDS], signal }),
      );
      if (!answer.ok && answer.failure.status === 404 && !isMailboxGone(answer.failure)) return 'gone';
      const body = await withAttachments(graph, mailbox, id, unwrap(answer), signal);
      if (body === 'gone') return 'gone';
      try {
        return parseMessage(body);
      } catch (cause) {
        throw new PermanentError('graph:message-unreadable', { cause });
      }
    },

    async openChain(mailbox, folderId, since, size, signal) {
      const window = { changeType: 'created', $filter: `receivedDateTime ge ${wholeSeconds(since)}` };
      const { answer, level } = await askWithOptions(mailbox, (options) =>
        graph.get(`${folderPath(mailbox, folderId)}/messages/delta?${query({ ...window, ...options })}`, {
          prefer: pageOf(size),
          signal,
        }),
      );
      return { ...toDelta(unwrap(answer)), options: HASHES[level] ?? '' };
    },

    async followLink(link, size, signal) {
      const answer = await graph.get(graph.pathOf(link), { prefer: pageOf(size), signal });
      if (!answer.ok && isDeltaExpired(answer.failure)) return 'expired';
      // A link that Graph does not understand any more is as good as expired: a new chain and the gap see the same mail.
      if (!answer.ok && answer.failure.status === 400) return 'expired';
      return toDelta(unwrap(answer));
    },

    async listSince(mailbox, folderId, window, size, signal) {
      const ask = (options: Record<string, string>) =>
        graph.get(windowPath(mailbox, folderId, window, size, options), { prefer: [IMMUTABLE_IDS], signal });
      const answer = window.idsOnly
        ? await ask({ $select: ID_FIELDS })
        : (await askWithOptions(mailbox, (options) => ask({ ...options, $select: WINDOW_FIELDS }))).answer;
      let body = unwrap(answer);
      // An empty page with a next link leaves no later time to ask from: only the link itself leads on.
      for (let link = nextOfEmpty(body), links = 0; link !== undefined && links < MAX_EMPTY_PAGES; links++) {
        body = unwrap(await graph.get(graph.pathOf(link), { prefer: [IMMUTABLE_IDS], signal }));
        link = nextOfEmpty(body);
      }
      return toWindow(body, window, size);
    },

    openMime: (mailbox, id, signal) =>
      graph.stream(`${messagePath(mailbox, id)}/$value`, { prefer: [IMMUTABLE_IDS], signal }),

    openAttachment: (mailbox, id, attachment, signal) =>
      graph.stream(`${messagePath(mailbox, id)}/attachments/${segment(attachment)}/$value`, {
        prefer: [IMMUTABLE_IDS],
        signal,
      }),
  };
}

/**
 * One page of a time window, ascending. Each page is asked anew from the last second seen, because a list's own next
 * link skips mail when the folder changes under it; within one crowded second `skip` counts on.
 */
function windowPath(
  mailbox: string,
  folderId: string,
  { by, from, skip, to }: Window,
  size: number,
  options: Record<string, string>,
): string {
  const end = to ? ` and ${by} lt ${wholeSeconds(to)}` : '';
  const parameters = query({
    ...options,
    $filter: `${by} ge ${wholeSeconds(from)}${end}`,
    $orderby: `${by} asc`,
    $top: String(size),
    ...(skip > 0 && { $skip: String(skip) }),
  });
  return `${folderPath(mailbox, folderId)}/messages?${parameters}`;
}

function toWindow(body: unknown, gap: Window, size: number): WindowPage {
  const page = parsePage(body);
  if (!page) throw new TransientError('graph:not-a-page');
  const last = lastTime(body, gap.by);
  const advanced = last !== undefined && wholeSeconds(last) > wholeSeconds(gap.from);
  const position = advanced ? { from: last, skip: 0 } : { from: gap.from, skip: gap.skip + page.count };
  // Graph may send fewer than asked for; while there is a next link there is more, however short the page.
  const more = page.links.next !== undefined || page.count >= size;
  return { entries: page.entries, count: page.count, ...position, more };
}

const MAX_EMPTY_PAGES = 100;

function nextOfEmpty(body: unknown): string | undefined {
  const page = parsePage(body);
  return page?.count === 0 ? page.links.next : undefined;
}

function lastTime(body: unknown, field: Window['by']): Date | undefined {
  const values =
    typeof body === 'object' && body !== null && 'value' in body && Array.isArray(body.value) ? body.value : [];
  const last: unknown = values.at(-1);
  if (typeof last !== 'object' || last === null) return undefined;
  const text: unknown = Object.entries(last).find(([name]) => name === field)?.[1];
  const time = typeof text === 'string' ? new Date(text) : undefined;
  return time && !Number.isNaN(time.getTime()) ? time : undefined;
}
