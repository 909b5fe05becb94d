import { type Gap, optionsHash } from '../../domain/delta.ts';
import type { Mail } from '../../domain/mail.ts';
import { PermanentError, TransientError } from '../../errors.ts';
import type { DeltaAnswer, GraphMail } from '../../ports.ts';
import { type GraphAnswer, type GraphClient, IMMUTABLE_IDS, query, segment } from './graph-client.ts';
import { isDeltaExpired, isMailboxGone, toError } from './graph-failure.ts';
import { ATTACHMENT_FIELDS, MESSAGE_FIELDS, parseMessage, parsePage } from './graph-message.ts';

/** Option sets for a chain, best first; the second is for tenants that refuse to expand. */
const OPTION_SETS = [
  { $select: MESSAGE_FIELDS, $expand: `attachments($select=${ATTACHMENT_FIELDS})` },
  { $select: MESSAGE_FIELDS },
] as const;

const ITEM = { $select: MESSAGE_FIELDS, $expand: `attachments($select=${ATTACHMENT_FIELDS})` };

const folderPath = (mailbox: string, folderId: string) => `/users/${segment(mailbox)}/mailFolders/${segment(folderId)}`;
const messagePath = (mailbox: string, id: string) => `/users/${segment(mailbox)}/messages/${segment(id)}`;

const pageOf = (size: number) => [IMMUTABLE_IDS, `odata.maxpagesize=${size}`];

/** Graph writes times without milliseconds in filters. */
const wholeSeconds = (time: Date) => time.toISOString().replace(/\.\d+Z$/, 'Z');

const unwrap = (answer: GraphAnswer): unknown => {
  if (answer.ok) return answer.body;
  throw toError(answer.failure, 'mailbox', answer.cause);
};

/** Reads mail from Graph: delta per folder, time windows, single messages. */
export function makeGraphMail(graph: GraphClient, hasDelta: boolean): GraphMail {
  // Mailboxes whose tenant refused an option set; forgotten with the process, then refused once more.
  const fallback = new Map<string, number>();
  const optionsFor = (mailbox: string) => OPTION_SETS[fallback.get(mailbox) ?? 0] ?? OPTION_SETS[0];

  function toDelta(body: unknown): DeltaAnswer {
    const page = parsePage(body);
    const { next, delta } = page?.links ?? {};
    if (!page || (!next && !delta)) throw new TransientError('graph:not-a-delta-page');
    const link = next ?? delta ?? '';
    graph.pathOf(link);
    return { entries: page.entries, count: page.count, next: { kind: next ? 'next' : 'delta', link } };
  }

  const getMail = async (mailbox: string, id: string, signal: AbortSignal): Promise<Mail | 'gone'> => {
    const answer = await graph.get(`${messagePath(mailbox, id)}?${query(ITEM)}`, { prefer: [IMMUTABLE_IDS], signal });
    if (!answer.ok && answer.failure.status === 404 && !isMailboxGone(answer.failure)) return 'gone';
    const body = unwrap(answer);
    try {
      return parseMessage(body);
    } catch (cause) {
      throw new PermanentError('graph:message-unreadable', { cause });
    }
  };

  return {
    clock: graph.clock,
    hasDelta,
    deltaOptions: (mailbox) => optionsHash(optionsFor(mailbox)),
    getMail,

    async openChain(mailbox, folderId, since, size, signal) {
      for (;;) {
        const parameters = query({
          changeType: 'created',
          $filter: `receivedDateTime ge ${wholeSeconds(since)}`,
          ...optionsFor(mailbox),
        });
        const path = `${folderPath(mailbox, folderId)}/messages/delta?${parameters}`;
        const answer = await graph.get(path, { prefer: pageOf(size), signal });
        const level = fallback.get(mailbox) ?? 0;
        const refused = !answer.ok && answer.failure.status === 400 && level + 1 < OPTION_SETS.length;
        if (!refused) return toDelta(unwrap(answer));
        fallback.set(mailbox, level + 1);
      }
    },

    async followLink(link, size, signal) {
      const answer = await graph.get(graph.pathOf(link), { prefer: pageOf(size), signal });
      if (!answer.ok && isDeltaExpired(answer.failure)) return 'expired';
      // A link that Graph does not understand any more is as good as expired: a new chain and the gap see the same mail.
      if (!answer.ok && answer.failure.status === 400) return 'expired';
      return toDelta(unwrap(answer));
    },

    listSince: (mailbox, folderId, gap, size, signal) => listWindow(graph, mailbox, folderId, gap, size, signal),

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
async function listWindow(
  graph: GraphClient,
  mailbox: string,
  folderId: string,
  gap: Gap,
  size: number,
  signal: AbortSignal,
) {
  const parameters = query({
    $filter: `${gap.by} ge ${wholeSeconds(gap.from)}`,
    $orderby: `${gap.by} asc`,
    $top: String(size),
    ...(gap.skip > 0 && { $skip: String(gap.skip) }),
    ...ITEM,
    $select: `${MESSAGE_FIELDS},lastModifiedDateTime`,
  });
  const path = `${folderPath(mailbox, folderId)}/messages?${parameters}`;
  const body = unwrap(await graph.get(path, { prefer: [IMMUTABLE_IDS], signal }));
  const page = parsePage(body);
  if (!page) throw new TransientError('graph:not-a-page');
  const last = lastTime(body, gap.by);
  const advanced = last !== undefined && wholeSeconds(last) > wholeSeconds(gap.from);
  const position = advanced ? { from: last, skip: 0 } : { from: gap.from, skip: gap.skip + page.count };
  return { entries: page.entries, count: page.count, ...position, more: page.count >= size };
}

function lastTime(body: unknown, field: Gap['by']): Date | undefined {
  const values =
    typeof body === 'object' && body !== null && 'value' in body && Array.isArray(body.value) ? body.value : [];
  const last: unknown = values.at(-1);
  if (typeof last !== 'object' || last === null) return undefined;
  const text: unknown = Object.entries(last).find(([name]) => name === field)?.[1];
  const time = typeof text === 'string' ? new Date(text) : undefined;
  return time && !Number.isNaN(time.getTime()) ? time : undefined;
}
