import * as fc from 'fast-check';
import { hostileName } from './hostile-names.ts';

/** Values that parsers stumble over, whatever the field. */
const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: hostileName, weight: 3 },
  {
    arbitrary: fc.constantFrom<unknown>(
      null,
      undefined,
      true,
      0,
      -1,
      1.5,
      1e21,
      -1e308,
      Number.MAX_SAFE_INTEGER + 2,
      '0',
      '1e999',
      'NaN',
      '-0',
      '0001-01-01T00:00:00Z',
      '9999-12-31T23:59:59.9999999Z',
      '2026-02-30T00:00:00Z',
      '2026-10-12T08:00:00+23:59',
      '2026-10-12T08:00Z',
      '2026-10-12T24:00:00Z',
      '2026-10-12',
      '-000001-01-01T00:00:00Z',
      'P1D',
      'PT99999999999999999999S',
      '11111111-2222-4333-8444-555555555555',
      '{11111111-2222-4333-8444-555555555555}',
      [],
      {},
      [[[[]]]],
      new Date(Number.NaN),
      new Date(8.64e15),
    ),
    weight: 3,
  },
  { arbitrary: fc.date(), weight: 1 },
  { arbitrary: fc.jsonValue({ maxDepth: 3 }), weight: 2 },
  { arbitrary: fc.anything({ maxDepth: 2 }), weight: 1 },
  { arbitrary: fc.nat(2_000).map((length) => 'x'.repeat(length)), weight: 1 },
  { arbitrary: fc.nat(200).map((depth) => nested(depth)), weight: 1 },
);

function nested(depth: number): unknown {
  let value: unknown = 'deep';
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { value };
  return value;
}

type Change = { at: number[]; kind: 'replace' | 'delete' | 'add' | 'repeat' | 'proto'; name: string; value: unknown };

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }),
  kind: fc.constantFrom('replace', 'replace', 'replace', 'delete', 'add', 'repeat', 'proto'),
  name: fc.oneof(hostileName, fc.string({ maxLength: 10 })),
  value: oddValue,
});

const set = (target: object, name: string | number, value: unknown) =>
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });

/** Walks down by the numbers of `at`, as far as there is something, and changes what it finds there. */
function apply(root: unknown, { at, kind, name, value }: Change): void {
  let target: unknown = root;
  for (const [depth, step] of at.entries()) {
    if (typeof target !== 'object' || target === null || target instanceof Date) return;
    const names = Object.keys(target);
    const chosen = names[step % Math.max(1, names.length)];
    if (chosen === undefined || depth === at.length - 1) {
      if (kind === 'add') set(target, Array.isArray(target) ? target.length : name, value);
      else if (kind === 'proto') set(target, '__proto__', value);
      else if (chosen === undefined) return;
      else if (kind === 'delete') Reflect.deleteProperty(target, chosen);
      else if (kind === 'repeat')
        set(target, Array.isArray(target) ? target.length : `${chosen}2`, Reflect.get(target, chosen));
      else set(target, chosen, value);
      return;
    }
    target = Reflect.get(target, chosen);
  }
}

/** A genuine value with one to six things wrong in it, so that it gets as far as it can; sometimes something else. */
export const mutationOf = (...genuine: [unknown, ...unknown[]]): fc.Arbitrary<unknown> =>
  fc.oneof(
    {
      arbitrary: fc
        .tuple(fc.constantFrom(...genuine), fc.array(change, { minLength: 1, maxLength: 6 }))
        .map(([base, changes]) => {
          const copy: unknown = structuredClone(base);
          for (const one of changes) apply(copy, one);
          return copy;
        }),
      weight: 8,
    },
    { arbitrary: oddValue, weight: 1 },
  );

/** A genuine text that was cut, spliced and misspelled, or one that nobody expects. */
export const misspelling = (...genuine: [string, ...string[]]): fc.Arbitrary<string> =>
  fc.oneof(
    {
      arbitrary: fc
        .tuple(
          fc.constantFrom(...genuine),
          fc.array(
            fc.tuple(fc.nat(500), fc.nat(8), fc.oneof(hostileName, fc.string({ unit: 'binary', maxLength: 6 }))),
            {
              maxLength: 4,
            },
          ),
        )
        .map(([base, cuts]) =>
          cuts.reduce((text, [at, remove, insert]) => {
            const place = at % (text.length + 1);
            return text.slice(0, place) + insert + text.slice(place + remove);
          }, base),
        ),
      weight: 6,
    },
    { arbitrary: fc.string({ unit: 'binary', maxLength: 200 }), weight: 1 },
    {
      arbitrary: fc
        .tuple(fc.string({ minLength: 1, maxLength: 4 }), fc.nat(2_000))
        .map(([text, times]) => text.repeat(times)),
      weight: 1,
    },
  );
