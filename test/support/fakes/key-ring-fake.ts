import { createHash } from 'node:crypto';
import type { KeyRing, SigningKey } from '../../../shared/domain/client-state.ts';
import { TransientError } from '../../../shared/errors.ts';
import type { Clock, KeyRingStore } from '../../../shared/ports.ts';
import type { Gate } from './gate.ts';

const STALE_MS = 30 * 60_000;
const STANDS_MS = 3_600_000;

/** A key that tests can tell apart by its id. */
export const aSigningKey = (id: string, createdAt: Date): SigningKey => ({
  id,
  secret: createHash('sha256').update(`secret of ${id}`).digest('base64url'),
  createdAt: createdAt.toISOString(),
});

/** The blob of keys. */
export class FakeKeyBlob {
  keys: SigningKey[] = [];
}

/** The port as one process sees it: what it read last, and when. */
export function fakeKeyRing(blob: FakeKeyBlob, gate: Gate, clock: Clock): KeyRingStore {
  let read: { ring: KeyRing; at: number } | undefined;
  let reading: Promise<KeyRing> | undefined;
  return {
    current: () => (read && clock.now() - read.at < STALE_MS ? read.ring : undefined),
    pending: () => reading?.catch(() => undefined) ?? Promise.resolve(undefined),
    refresh() {
      reading ??= gate
        .pass('keys.refresh', () => {
          const now = clock.now();
          if (blob.keys.length === 0) blob.keys.push(aSigningKey('first', new Date(now)));
          const byAge = blob.keys.toSorted((a, b) => a.createdAt.localeCompare(b.createdAt));
          const signing = byAge.findLast((key) => now - Date.parse(key.createdAt) >= STANDS_MS) ?? byAge[0];
          if (!signing) throw new TransientError('keys:none');
          const ring = { signing, accepted: new Map(byAge.map((key) => [key.id, key])) };
          read = { ring, at: now };
          return ring;
        })
        .finally(() => {
          reading = undefined;
        });
      return reading;
    },
  };
}
