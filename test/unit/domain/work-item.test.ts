import { describe, expect, it } from 'vitest';
import { encodeRing, GRAPH_ID, mergeRings, parseRing, type Ring, splitRing } from '../../../shared/domain/work-item.ts';
import { MAILBOX } from '../../support/builders.ts';

const aRing = (changes: Partial<Ring> = {}): Ring => ({
  mailbox: MAILBOX,
  folders: ['f1'],
  ids: ['AAkA='],
  ...changes,
});
const anyFolder = { mailbox: MAILBOX, folders: [], ids: [], look: 'again' };

describe('a ring', () => {
  it.each([
    aRing(),
    aRing({ folders: [], ids: [], look: 'timer' }),
    aRing({ retry: ['AAkB='], look: 'operator' }),
    aRing({ ids: Array.from({ length: 5000 }, (_, index) => `A${index}`) }),
  ])('is read as it was written', (ring) => {
    expect(parseRing(encodeRing(ring))).toEqual(ring);
    expect(parseRing(JSON.parse(encodeRing(ring)))).toEqual(ring);
  });

  it.each([
    ['of another version', { v: 2, ...aRing() }],
    ['of no version', aRing()],
    ['with a look nobody knows', { v: 1, ...aRing(), look: 'tomorrow' }],
    ['with a path for an id', { v: 1, ...aRing({ ids: ['../users'] }) }],
    ['with a path for a retry', { v: 1, ...aRing({ retry: ['a/b'] }) }],
    ['with a path for a folder', { v: 1, ...aRing({ folders: ['a/b'] }) }],
    ['with too many ids', { v: 1, ...aRing({ ids: Array.from({ length: 5001 }, () => 'A') }) }],
    ['that names only a mailbox', { mailbox: MAILBOX }],
  ])('%s still asks for a look at its mailbox, and nothing odd gets through [F62]', (_, body) => {
    expect(parseRing(body)).toEqual(anyFolder);
    expect(parseRing(JSON.stringify(body))).toEqual(anyFolder);
  });

  it('drops what it does not know', () => {
    expect(parseRing({ v: 1, ...aRing(), surprise: true })).toEqual(aRing());
  });

  it('takes its mailbox in lower case', () => {
    expect(parseRing({ v: 1, ...aRing({ mailbox: MAILBOX.toUpperCase() }) })).toEqual(aRing());
  });

  it.each([
    undefined,
    null,
    '',
    'text',
    '{',
    5,
    [],
    {},
    { mailbox: 'sales@northwind.example' },
    { mailbox: '../x' },
    '"x"',
  ])('cannot be read from %o [F57]', (body) => {
    expect(parseRing(body)).toBeUndefined();
  });
});

describe('an id of Graph', () => {
  it.each(['AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0AwQ_xyz=', 'A', 'a'.repeat(512)])('is one: %s', (id) => {
    expect(GRAPH_ID.test(id)).toBe(true);
  });

  it.each(['', 'a/b', '..', 'a b', 'a\n', 'a%2F', "a'", 'a?b', 'a#b', 'a&b', 'é', 'a'.repeat(513), '\\', 'a:b'])(
    'is none: %j [T10, T13]',
    (id) => {
      expect(GRAPH_ID.test(id)).toBe(false);
    },
  );
});

describe('two rings for one mailbox', () => {
  it('become one that names the folders and mails of both', () => {
    expect(mergeRings(aRing({ retry: ['R1'] }), aRing({ folders: ['f2'], ids: ['AAkB='], retry: ['R2'] }))).toEqual(
      aRing({ folders: ['f1', 'f2'], ids: ['AAkA=', 'AAkB='], retry: ['R1', 'R2'] }),
    );
  });

  it('name every folder if one of them does', () => {
    expect(mergeRings(aRing({ folders: [] }), aRing()).folders).toEqual([]);
    expect(mergeRings(aRing(), aRing({ folders: [] })).folders).toEqual([]);
  });

  it.each([
    ['timer', undefined, 'timer'],
    [undefined, 'timer', 'timer'],
    ['timer', 'renew', 'renew'],
    ['removed', 'renew', 'removed'],
    ['renew', 'removed', 'removed'],
    ['missed', 'operator', 'missed'],
    [undefined, undefined, undefined],
  ] as const)('keep the stronger wish: %s and %s make %s', (one, other, look) => {
    const looking = (wish: Ring['look']) => aRing(wish ? { look: wish } : {});
    expect(mergeRings(looking(one), looking(other)).look).toBe(look);
  });
});

describe('a ring that is too large', () => {
  const ids = Array.from({ length: 3_000 }, (_, index) => `AAkA${index}`.padEnd(150, 'x'));

  it('is split into rings that fit and name every mail once, each with the same wish [F07]', () => {
    const rings = splitRing(aRing({ ids, look: 'missed' }), 100_000);
    expect(rings.length).toBeGreaterThan(1);
    for (const ring of rings) {
      expect(Buffer.byteLength(encodeRing(ring))).toBeLessThanOrEqual(100_000);
      expect(ring).toMatchObject({ mailbox: MAILBOX, folders: ['f1'], look: 'missed' });
    }
    expect(rings.flatMap((ring) => ring.ids)).toEqual(ids);
  });

  it('that fits is left whole, as is one that cannot be split', () => {
    expect(splitRing(aRing(), 100_000)).toEqual([aRing()]);
    expect(splitRing(aRing(), 1)).toEqual([aRing()]);
  });
});
