import type { KeyRing, SigningKey } from './client-state.ts';

/** A new key is known to every instance (they read every ten minutes) before anything is signed with it. */
const STANDS_MS = 3_600_000;
/** A key signs for this long before the next one is made. */
const KEY_LIFE_MS = 90 * 86_400_000;
/** Notifications are sent again for four hours; renewals bring every folder to the new key within half a life. */
const OUTGOING_MS = 7 * 86_400_000;

const born = (key: SigningKey) => Date.parse(key.createdAt);
const byAge = (keys: readonly SigningKey[]) => keys.toSorted((a, b) => born(a) - born(b));

/** The youngest key that has stood long enough, or the first one of all. */
function signingKey(keys: readonly SigningKey[], now: number): SigningKey | undefined {
  const sorted = byAge(keys);
  return sorted.findLast((key) => now - born(key) >= STANDS_MS) ?? sorted[0];
}

/** Which key signs at `now`, and which are accepted. `undefined`: there is no key at all. */
export function toKeyRing(keys: readonly SigningKey[], now: number): KeyRing | undefined {
  const signing = signingKey(keys, now);
  return signing && { signing, accepted: new Map(keys.map((key) => [key.id, key])) };
}

/**
 * The keys as they should be: a new one beside a signing key that is 90 days old, and none that was replaced a week ago
 * and that no subscription is signed with any more. `undefined`: nothing is to be changed.
 */
export function rotateKeys(
  keys: readonly SigningKey[],
  named: ReadonlySet<string>,
  now: number,
  newKey: () => SigningKey,
): SigningKey[] | undefined {
  const signing = signingKey(keys, now);
  const youngest = byAge(keys).at(-1);
  if (!signing || !youngest) return undefined;
  const settled = now - born(signing) >= STANDS_MS + OUTGOING_MS;
  const kept = keys.filter((key) => born(key) >= born(signing) || named.has(key.id) || !settled);
  if (now - born(youngest) >= KEY_LIFE_MS) return [...kept, newKey()];
  return kept.length < keys.length ? kept : undefined;
}
