import { createHash } from 'node:crypto';
import type { KeyRing, SigningKey } from '../../../shared/domain/client-state.ts';
import { rotateKeys, toKeyRing } from '../../../shared/domain/key-ring.ts';
import { TransientError } from '../../../shared/errors.ts';
import type { Clock, KeyRingStore } from '../../../shared/ports.ts';
import type { Gate } from './gate.ts';

const STALE_MS = 30 * 60_000;

/** A key that tests can tell apart by its id. */
export const aSigningKey = (id: string, createdAt: Date): SigningKey => ({
  id,
  secret: createHash('sha256').update(`secret of ${id}`).digest('base64url'),
  createdAt: createdAt.toISOString(),
});

/** The blob of keys. */
export class FakeKeyBlob {
  keys: SigningKey[] = [];
  made = 0;
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
          const ring = toKeyRing(blob.keys, now);
          if (!ring) throw new TransientError('keys:none');
          read = { ring, at: now };
          return ring;
        })
        .finally(() => {
          reading = undefined;
        });
      return reading;
    },
    rotate: (named) =>
      gate.pass('keys.rotate', () => {
        const now = clock.now();
        blob.keys = rotateKeys(blob.keys, named, now, () => aSigningKey(`k${++blob.made}`, new Date(now))) ?? blob.keys;
      }),
  };
}
