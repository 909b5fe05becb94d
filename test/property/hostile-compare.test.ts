import * as crypto from 'node:crypto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type KeyRing, verifyClientState } from '../../shared/domain/client-state.ts';
import { TENANT } from '../support/builders.ts';
import { CLIENT_STATE, KEYS } from '../support/hostile/forged-items.ts';

vi.mock('node:crypto', async (original) => {
  const real = await original<typeof crypto>();
  return { ...real, timingSafeEqual: vi.fn(real.timingSafeEqual) };
});

const [signing = { id: '', secret: '', createdAt: '' }] = KEYS;
const keys: KeyRing = { signing, accepted: new Map(KEYS.map((key) => [key.id, key])) };
const compare = vi.mocked(crypto.timingSafeEqual);
const macAt = CLIENT_STATE.lastIndexOf('.') + 1;

beforeEach(() => {
  compare.mockClear();
});

// How long it takes is measured by test/support/hostile/compare-timing.ts.
describe('a signature', () => {
  it('is compared in constant time, whole against whole, wherever it is wrong [T02]', () => {
    for (let place = macAt; place < CLIENT_STATE.length; place++) {
      compare.mockClear();
      const wrong = `${CLIENT_STATE.slice(0, place)}~${CLIENT_STATE.slice(place + 1)}`;
      expect(verifyClientState(keys, TENANT, wrong)).toEqual({ genuine: false });
      expect(compare).toHaveBeenCalledTimes(1);
      const [given, expected] = compare.mock.calls[0] ?? [];
      expect(given?.byteLength).toBe(43);
      expect(expected?.byteLength).toBe(43);
      expect(Buffer.from(given instanceof Uint8Array ? given : []).toString()).toBe(wrong.slice(macAt));
    }
  });

  it('alone decides: what the constant-time compare says is the verdict [T02, T01]', () => {
    compare.mockReturnValueOnce(false);
    expect(verifyClientState(keys, TENANT, CLIENT_STATE)).toEqual({ genuine: false });
    expect(verifyClientState(keys, TENANT, CLIENT_STATE)).toMatchObject({ genuine: true });
  });
});
