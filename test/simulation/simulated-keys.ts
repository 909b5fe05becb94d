import type { KeyRing, SigningKey } from '../../shared/domain/client-state.ts';
import { rotateKeys, toKeyRing } from '../../shared/domain/key-ring.ts';
import type { KeyRingStore } from '../../shared/ports.ts';
import { aSigningKey } from '../support/fakes/key-ring-fake.ts';
import type { SimulatedProcess, Surroundings } from './simulated-process.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const KEY_LIFE_DAYS = 90;
const READ_EVERY_MS = 10 * MINUTE;
const STALE_MS = 30 * MINUTE;

/** The blob of clientState keys as it was at any time. */
export class SimulatedKeys {
  readonly #versions: { at: number; keys: SigningKey[] }[];
  #made = 0;

  /** The first key is `daysLeft` away from the end of its life; beside it stands the one that it replaced. */
  constructor(now: number, daysLeft: number) {
    const born = now - (KEY_LIFE_DAYS - daysLeft) * DAY;
    const keys = [aSigningKey('before', new Date(born - KEY_LIFE_DAYS * DAY)), aSigningKey('first', new Date(born))];
    this.#versions = [{ at: now, keys }];
  }

  get latest(): SigningKey[] {
    return this.#versions.at(-1)?.keys ?? [];
  }

  /** How often a new key was made. */
  get made(): number {
    return this.#made;
  }

  at(time: number): SigningKey[] {
    return (this.#versions.findLast((version) => version.at <= time) ?? this.#versions[0])?.keys ?? [];
  }

  rotate(named: ReadonlySet<string>, localNow: number, now: number): void {
    const newKey = () => aSigningKey(`k${++this.#made}`, new Date(localNow));
    const keys = rotateKeys(this.latest, named, localNow, newKey);
    if (keys) this.#versions.push({ at: now, keys });
  }
}

/**
 * The keys as one process knows them. It reads them at its start and every ten minutes; the later readings interest
 * nobody before they are asked for, so they are worked out only then.
 */
export function keysOf(
  keys: SimulatedKeys,
  process: SimulatedProcess,
  { time, downUntil }: Surroundings,
): KeyRingStore {
  let startedAt: number | undefined;
  let known: { ring: KeyRing; at: number } | undefined;
  const read = (at: number): KeyRing => {
    const ring = toKeyRing(keys.at(at), at + process.skew);
    if (!ring) throw new Error('there is always a key');
    known = { ring, at };
    return ring;
  };
  return {
    current() {
      if (startedAt === undefined || !known) return undefined;
      const now = time.now();
      const turn = now - ((now - startedAt) % READ_EVERY_MS);
      const isDown = (downUntil.get('blobs') ?? 0) > now;
      if (turn > known.at && !isDown) read(turn);
      return now - known.at < STALE_MS ? known.ring : undefined;
    },
    pending: () => Promise.resolve(undefined),
    refresh: () =>
      process.gate.pass('claims.readKeys', () => {
        startedAt ??= time.now();
        return read(time.now());
      }),
    rotate: (named) => process.gate.pass('claims.rotateKeys', () => keys.rotate(named, process.localNow(), time.now())),
  };
}
