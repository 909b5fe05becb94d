import * as z from 'zod';

/**
 * A ring: "there may be news in this mailbox". Everything that suspects news puts the same small item on the work queue.
 * `look` says why Graph has to be asked even though no id is new; without it a ring whose ids are all known costs nothing.
 */
export interface Ring {
  mailbox: string;
  /** Short folder hashes; empty means every watched folder of the mailbox. */
  folders: string[];
  /** Immutable ids of mails that a notification named. */
  ids: string[];
  /** Immutable ids of mails to be asked for once more although the ledger knows them as failing or parked. */
  retry?: string[];
  look?: Look;
  /** How often in a row nobody could answer it, for lack of the tables. */
  putOff?: number;
  /** How often a ring with `retry` was sent on because somebody else had the lane. */
  waited?: number;
}

const LOOKS = ['notified', 'missed', 'renew', 'removed', 'timer', 'created', 'operator', 'again'] as const;
export type Look = (typeof LOOKS)[number];

const RING_VERSION = 1;

// Graph ids are URL-safe base64 with padding; anything else never becomes part of a path (path injection).
export const GRAPH_ID = /^[A-Za-z0-9_=+-]{1,512}$/;

const guid = z.guid().toLowerCase();
const ringSchema = z.object({
  v: z.literal(RING_VERSION),
  mailbox: guid,
  folders: z.array(z.string().regex(/^[\w-]{1,32}$/)).max(1000),
  ids: z.array(z.string().regex(GRAPH_ID)).max(5000),
  retry: z.array(z.string().regex(GRAPH_ID)).max(5000).optional(),
  look: z.enum(LOOKS).optional(),
  putOff: z.int().min(0).optional(),
  waited: z.int().min(0).optional(),
});

export const encodeRing = (ring: Ring): string => JSON.stringify({ v: RING_VERSION, ...ring });

/**
 * Reads a ring as it comes from the queue (the host hands JSON bodies over parsed).
 * A ring of an unknown version or with odd parts still names its mailbox, so it becomes an unconditional look:
 * a ring holds no mail, only the wish to look. `undefined`: not even a mailbox can be read.
 */
export function parseRing(body: unknown): Ring | undefined {
  const unpacked = typeof body === 'string' ? tryJson(body) : body;
  const exact = ringSchema.safeParse(unpacked);
  if (exact.success) {
    const { v: _, ...ring } = exact.data;
    return ring;
  }
  const doorbell = z.looseObject({ mailbox: guid }).safeParse(unpacked);
  return doorbell.success ? { mailbox: doorbell.data.mailbox, folders: [], ids: [], look: 'again' } : undefined;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The stronger of two looks stands when rings are merged: it asks for whatever the weaker one asks for, and for more. */
const STRENGTHS: Readonly<Partial<Record<Look, number>>> = { missed: 2, renew: 3, removed: 4 };
const strength = (look: Look | undefined) => (look ? (STRENGTHS[look] ?? 1) : 0);

/** Notifications may have been missed: Graph says so, or the subscription has come to its end or near it. */
export const mayHaveMissed = ({ look }: Ring): boolean => strength(look) > 1;

const CATCH_UP: ReadonlySet<Look | undefined> = new Set<Look>([
  'missed',
  'renew',
  'removed',
  'timer',
  'created',
  'operator',
]);

/** Rung without a notification of mail; one that was cut short or put off goes on as what it was taken for. */
export const isCatchUp = (ring: Ring): boolean => CATCH_UP.has(ring.look);

/** The same ring, to be answered by a look whatever is known of its mails. */
export const lookAgain = (ring: Ring): Ring => ({ ...ring, look: ring.look ?? 'again' });

/** Two rings for one mailbox as one: no wish of either is lost. */
export function mergeRings(a: Ring, b: Ring): Ring {
  const everyFolder = a.folders.length === 0 || b.folders.length === 0;
  const look = strength(a.look) >= strength(b.look) ? a.look : b.look;
  const retry = [...new Set([...(a.retry ?? []), ...(b.retry ?? [])])];
  return {
    mailbox: a.mailbox,
    folders: everyFolder ? [] : [...new Set([...a.folders, ...b.folders])],
    ids: [...new Set([...a.ids, ...b.ids])],
    ...(retry.length > 0 && { retry }),
    ...(look && { look }),
  };
}

/** Far below the 256 KB of one message, so that a batch of rings splits evenly. */
const MAX_RING_BYTES = 100_000;

/** The same wishes in rings of at most `maxBytes` each, so that any merge of rings can be sent. */
export function splitRing(ring: Ring, maxBytes = MAX_RING_BYTES): Ring[] {
  const { ids, retry = [] } = ring;
  const wishes = ids.length + retry.length;
  if (wishes <= 1 || Buffer.byteLength(encodeRing(ring)) <= maxBytes) return [ring];
  const half = Math.ceil(wishes / 2);
  const part = (from: number, to: number): Ring => {
    const again = retry.slice(Math.max(0, from - ids.length), Math.max(0, to - ids.length));
    const { retry: _, ...rest } = ring;
    return { ...rest, ids: ids.slice(from, to), ...(again.length > 0 && { retry: again }) };
  };
  return [...splitRing(part(0, half), maxBytes), ...splitRing(part(half, wishes), maxBytes)];
}
