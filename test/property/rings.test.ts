import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeNotifications } from '../../shared/domain/change-notification.ts';
import { type KeyRing, signClientState, verifyClientState } from '../../shared/domain/client-state.ts';
import {
  encodeRing,
  GRAPH_ID,
  type Look,
  mergeRings,
  parseRing,
  type Ring,
  splitRing,
} from '../../shared/domain/work-item.ts';
import { aNotification, INBOX_KEY, MAILBOX, TENANT } from '../support/builders.ts';
import { aSigningKey } from '../support/fakes/key-ring-fake.ts';

const looks: Look[] = ['notified', 'missed', 'renew', 'removed', 'timer', 'created', 'operator', 'again'];
const id = fc.stringMatching(/^[A-Za-z0-9_=+-]{1,200}$/);
const mailbox = fc.uuid().map((text) => text.toLowerCase());
const ring: fc.Arbitrary<Ring> = fc.record(
  {
    mailbox,
    folders: fc.array(fc.stringMatching(/^[\w-]{1,32}$/), { maxLength: 5 }),
    ids: fc.array(id, { maxLength: 20 }),
    retry: fc.array(id, { minLength: 1, maxLength: 5 }),
    look: fc.constantFrom(...looks),
  },
  { requiredKeys: ['mailbox', 'folders', 'ids'] },
);
const ringsOfOne = fc.tuple(ring, ring).map(([a, b]) => [a, { ...b, mailbox: a.mailbox }] as const);

describe('a ring', () => {
  it('comes back from the queue as it was sent, as text and as the host hands it over', () => {
    fc.assert(
      fc.property(ring, (sent) => {
        expect(parseRing(encodeRing(sent))).toEqual(sent);
        expect(parseRing(JSON.parse(encodeRing(sent)))).toEqual(sent);
      }),
    );
  });

  it('that anybody put on the queue never breaks its reader, and nothing odd gets through [F57, F62]', () => {
    const mutated = fc
      .tuple(ring, fc.constantFrom('v', 'mailbox', 'folders', 'ids', 'retry', 'look', 'more'), fc.jsonValue())
      .map(([sent, name, value]): unknown => ({ v: 1, ...sent, [name]: value }));
    fc.assert(
      fc.property(fc.oneof(mutated, fc.jsonValue(), fc.string(), fc.json(), fc.anything()), (body) => {
        const read = parseRing(body);
        if (!read) return;
        expect(read.mailbox).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        for (const text of [...read.ids, ...(read.retry ?? [])]) expect(text).toMatch(GRAPH_ID);
        for (const text of read.folders) expect(text).toMatch(/^[\w-]{1,32}$/);
        if (read.look) expect(looks).toContain(read.look);
      }),
      { numRuns: 1_000 },
    );
  });

  it('merged with another loses no wish of either', () => {
    fc.assert(
      fc.property(ringsOfOne, ([a, b]) => {
        const both = mergeRings(a, b);
        expect(new Set(both.ids)).toEqual(new Set([...a.ids, ...b.ids]));
        expect(new Set(both.retry)).toEqual(new Set([...(a.retry ?? []), ...(b.retry ?? [])]));
        const everywhere = a.folders.length === 0 || b.folders.length === 0;
        expect(new Set(both.folders)).toEqual(new Set(everywhere ? [] : [...a.folders, ...b.folders]));
        expect(both.look !== undefined).toBe(a.look !== undefined || b.look !== undefined);
        for (const strong of ['removed', 'renew'] as const)
          if ((a.look === strong || b.look === strong) && both.look !== 'removed') expect(both.look).toBe(strong);
        expect(parseRing(encodeRing(both))).toEqual(both);
      }),
    );
  });

  it('split into parts loses no wish either, and every part fits [F07, F54]', () => {
    fc.assert(
      fc.property(ring, fc.integer({ min: 400, max: 2_000 }), (sent, most) => {
        const parts = splitRing(sent, most);
        expect(parts.flatMap(({ ids }) => ids)).toEqual(sent.ids);
        expect(parts.flatMap(({ retry }) => retry ?? [])).toEqual(sent.retry ?? []);
        for (const part of parts) {
          const wishes = part.ids.length + (part.retry?.length ?? 0);
          if (wishes > 1) expect(Buffer.byteLength(encodeRing(part))).toBeLessThanOrEqual(most);
          expect(part).toMatchObject({ mailbox: sent.mailbox, folders: sent.folders });
          expect(part.look).toBe(sent.look);
        }
      }),
    );
  });
});

const key = aSigningKey('first', new Date(0));
const older = aSigningKey('older', new Date(0));
const keys: KeyRing = { signing: key, accepted: new Map([key, older].map((item) => [item.id, item])) };
const slot = fc.record({ mailbox, folder: fc.stringMatching(/^[\w-]{11}$/) });
const cut = (text: string, at: number, remove: number, insert: string) =>
  text.slice(0, at) + insert + text.slice(at + remove);

describe('a clientState', () => {
  it('tells what it was made for', () => {
    fc.assert(
      fc.property(slot, fc.constantFrom(key, older), (made, by) => {
        const clientState = signClientState(by, { tenant: TENANT, ...made });
        expect(clientState.length).toBeLessThanOrEqual(128);
        expect(verifyClientState(keys, TENANT, clientState)).toEqual({ genuine: true, keyId: by.id, ...made });
      }),
    );
  });

  it('is genuine in one form only: no change whatever passes [T01]', () => {
    const change = fc.tuple(fc.nat(100), fc.nat(5), fc.string({ unit: 'binary', maxLength: 5 }));
    fc.assert(
      fc.property(slot, fc.array(change, { minLength: 1, maxLength: 3 }), (made, changes) => {
        const genuine = signClientState(key, { tenant: TENANT, ...made });
        const tampered = changes.reduce((text, [at, remove, insert]) => cut(text, at, remove, insert), genuine);
        if (tampered !== genuine) expect(verifyClientState(keys, TENANT, tampered)).toEqual({ genuine: false });
      }),
      { numRuns: 2_000 },
    );
  });

  it('never breaks its judge [T01]', () => {
    fc.assert(
      fc.property(fc.anything(), (rubbish) => {
        expect(verifyClientState(keys, TENANT, rubbish)).toEqual({ genuine: false });
      }),
    );
  });

  it('put together from the parts of two genuine ones is forged [T01]', () => {
    fc.assert(
      fc.property(slot, slot, fc.subarray([0, 1, 2, 3, 4]), (one, other, places) => {
        const [a, b] = [one, other].map((made) => signClientState(key, { tenant: TENANT, ...made }));
        const parts = (b ?? '').split('.');
        const mixed = (a ?? '')
          .split('.')
          .map((part, place) => (places.includes(place) ? parts[place] : part))
          .join('.');
        if (mixed !== a && mixed !== b) expect(verifyClientState(keys, TENANT, mixed).genuine).toBe(false);
      }),
    );
  });
});

describe('a notification', () => {
  const genuine = {
    ...aNotification({ clientState: signClientState(key, { tenant: TENANT, mailbox: MAILBOX, folder: INBOX_KEY }) }),
  };
  const names = [...Object.keys(genuine), 'lifecycleEvent'];
  const mutated = fc
    .array(fc.tuple(fc.constantFrom(...names), fc.oneof(fc.jsonValue(), fc.string(), fc.constant(undefined))), {
      minLength: 1,
      maxLength: 3,
    })
    .map((changes): Record<string, unknown> => ({ ...genuine, ...Object.fromEntries(changes) }));

  it('whose clientState or tenant is not the genuine one never rings [T01, T31]', () => {
    fc.assert(
      fc.property(fc.array(mutated, { maxLength: 5 }), (value) => {
        const judged = judgeNotifications({ value }, TENANT, keys);
        if (!judged) throw new Error('a collection was not judged');
        const verified = value.filter(
          ({ clientState, tenantId }) =>
            clientState === genuine.clientState && typeof tenantId === 'string' && tenantId.toLowerCase() === TENANT,
        );
        expect(judged.refused).toBeGreaterThanOrEqual(value.length - verified.length);
        if (verified.length === 0) expect(judged.rings).toEqual([]);
        for (const made of judged.rings) {
          expect(made).toMatchObject({ mailbox: MAILBOX, folders: [INBOX_KEY] });
          expect(parseRing(encodeRing(made))).toEqual(made);
          // Every id that gets through was named by a verified item.
          const named = verified.map(({ resourceData }) => JSON.stringify(resourceData) ?? '');
          for (const mail of made.ids) expect(named.some((text) => text.includes(mail))).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('of any form never breaks its judge [F08]', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.record({ value: fc.anything() }), fc.record({ value: fc.array(fc.anything()) })),
        (body) => {
          const judged = judgeNotifications(body, TENANT, keys);
          expect(judged?.rings ?? []).toEqual([]);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
