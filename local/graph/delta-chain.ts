/** The state of a delta chain, carried inside the opaque tokens of its links. */
import * as z from 'zod';
import { badRequest } from './graph-failure.ts';

const chainState = z.strictObject({
  /** Life of the emulator, mailbox, folder and generation that the token belongs to. */
  epoch: z.number(),
  mailbox: z.string(),
  folder: z.string(),
  generation: z.number(),
  issuedAt: z.number(),
  kind: z.enum(['skip', 'delta']),
  /** Options of the first call, baked in. */
  select: z.string().nullable(),
  expand: z.string().nullable(),
  filter: z.string().nullable(),
  changeTypes: z.array(z.enum(['created', 'updated', 'deleted'])).nullable(),
  pageSize: z.number().nullable(),
  /** Where the walk over what was there at the start has come to; null once it is over. */
  walk: z.strictObject({ at: z.number(), seq: z.number() }).nullable(),
  /** Log position where this round began: arrivals before it are no news. */
  round: z.number(),
  /** Log position to read on from. */
  position: z.number(),
  /** Messages shown so far: a filtered chain ends silently at 5,000. */
  shown: z.number(),
  /** Whether the page before was an empty one. */
  paused: z.boolean(),
});

export type DeltaChain = z.infer<typeof chainState>;

/** A place before every message of a folder read from the newest on. */
export const walkStart = { at: Number.MAX_SAFE_INTEGER, seq: Number.MAX_SAFE_INTEGER };

export function encodeChain(chain: DeltaChain): string {
  return Buffer.from(JSON.stringify(chain)).toString('base64url');
}

/** Reads a token; one that the emulator did not make is a malformed request. */
export function decodeChain(token: string): DeltaChain {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    value = undefined;
  }
  const chain = chainState.safeParse(value);
  if (!chain.success) throw badRequest('Badly formed token.');
  return chain.data;
}
