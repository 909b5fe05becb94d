import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { KeyRing, SigningKey } from '../../domain/client-state.ts';
import { TransientError } from '../../errors.ts';
import type { KeyRingStore } from '../../ports.ts';
import type { StorageAccount } from './connection.ts';
import { atStorage, isStatus } from './storage-failure.ts';

const CONTAINER = 'key-ring';
const BLOB = 'client-state-keys.json';
/** Keys this old count as not loaded: a key that was withdrawn must not be honoured for ever. */
const STALE_MS = 30 * 60_000;
/** A new key is known to every instance (they read every ten minutes) before anything is signed with it. */
const STANDS_MS = 3_600_000;

const ringSchema = z.object({
  version: z.literal(1),
  keys: z
    .array(z.object({ id: z.string().regex(/^\w{1,8}$/), secret: z.string().min(43), createdAt: z.iso.datetime() }))
    .min(1),
});

const newKey = (now: number): SigningKey => ({
  id: randomBytes(3).toString('hex'),
  secret: randomBytes(32).toString('base64url'),
  createdAt: new Date(now).toISOString(),
});

function toRing(keys: SigningKey[], now: number): KeyRing {
  const byAge = keys.toSorted((a, b) => a.createdAt.localeCompare(b.createdAt));
  const standing = byAge.filter((key) => now - Date.parse(key.createdAt) >= STANDS_MS);
  const signing = standing.at(-1) ?? byAge[0];
  if (!signing) throw new TransientError('keys:none');
  return { signing, accepted: new Map(keys.map((key) => [key.id, key])) };
}

/** The clientState keys, in one blob that is created once and read by identity: no secret in any setting. */
export function makeKeyRing(account: StorageAccount, now: () => number): KeyRingStore {
  let loaded: { ring: KeyRing; at: number } | undefined;
  let pending: Promise<KeyRing> | undefined;

  async function read(): Promise<KeyRing> {
    const container = await account.container(CONTAINER);
    const blob = container.getBlockBlobClient(BLOB);
    const text = await atStorage(async () => {
      const first = JSON.stringify({ version: 1, keys: [newKey(now())] });
      try {
        return (await blob.downloadToBuffer()).toString('utf8');
      } catch (error) {
        if (!isStatus(error, 404)) throw error;
      }
      try {
        await blob.upload(first, Buffer.byteLength(first), { conditions: { ifNoneMatch: '*' } });
      } catch (error) {
        // Another instance was first; its key counts.
        if (!isStatus(error, 409) && !isStatus(error, 412)) throw error;
      }
      return (await blob.downloadToBuffer()).toString('utf8');
    });
    const { keys } = ringSchema.parse(JSON.parse(text));
    const ring = toRing(keys, now());
    loaded = { ring, at: now() };
    return ring;
  }

  return {
    current: () => (loaded && now() - loaded.at < STALE_MS ? loaded.ring : undefined),
    pending: () => pending?.catch(() => undefined) ?? Promise.resolve(undefined),
    refresh() {
      pending ??= read().finally(() => {
        pending = undefined;
      });
      return pending;
    },
  };
}
