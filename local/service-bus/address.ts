import { DEAD_LETTER_SUFFIX } from './queue.ts';

/** What an AMQP address names. Names are compared without regard to case, so all parts are lower case. */
export type Address =
  | { readonly kind: 'authorization' }
  | { readonly kind: 'management' | 'messages'; readonly path: string; readonly store: string; readonly queue: string };

const MANAGEMENT_SUFFIX = '/$management';
const DEAD_LETTER = DEAD_LETTER_SUFFIX.toLowerCase();

/** Reads the address of a link's source or target. */
export function parseAddress(text: string): Address {
  const path = text
    .toLowerCase()
    .replace(/^amqps?:\/\/[^/]*/, '')
    .replace(/^\/+/, '');
  if (path === '$cbs') return { kind: 'authorization' };
  const management = path.endsWith(MANAGEMENT_SUFFIX);
  const store = management ? path.slice(0, -MANAGEMENT_SUFFIX.length) : path;
  const queue = store.endsWith(DEAD_LETTER) ? store.slice(0, -DEAD_LETTER.length) : store;
  return { kind: management ? 'management' : 'messages', path, store, queue };
}
