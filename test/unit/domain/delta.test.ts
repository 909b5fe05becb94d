import { describe, expect, it } from 'vitest';
import {
  folderKey,
  isCrowded,
  needsReopening,
  openFrom,
  optionsHash,
  pageSize,
  reopened,
  WHOLE_WATCH_MS,
} from '../../../shared/domain/delta.ts';
import { aChain } from '../../support/builders.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-10-12T08:00:00Z');
const at = (hours: number) => new Date(NOW + hours * HOUR);
const current = () => true;

describe('a chain', () => {
  it('is opened anew when its options changed or it comes near the silent end of a filter [F46]', () => {
    const open = aChain({ link: 'l', options: 'o' });
    expect(needsReopening(open, current)).toBe(false);
    expect(needsReopening(open, () => false)).toBe(true);
    expect(needsReopening({ ...open, results: 3_000 }, current)).toBe(false);
    expect(needsReopening({ ...open, results: 3_001 }, current)).toBe(true);
    expect(needsReopening(aChain({ results: 9_000 }), current)).toBe(false);
  });

  it('that starts over lists the time since an hour before its last delta link [F43]', () => {
    const chain = aChain({ watchStart: at(-100), linkAt: at(-3), link: 'l', options: 'o', results: 3_500 });
    expect(reopened(chain, false)).toMatchObject({
      link: undefined,
      options: undefined,
      results: 0,
      gap: { by: 'lastModifiedDateTime', from: at(-4), start: at(-4), skip: 0 },
    });
  });

  it('that starts over before any delta link lists from the start of the watch, and never before', () => {
    expect(reopened(aChain({ watchStart: at(-5) }), false).gap?.start).toEqual(at(-5));
    expect(reopened(aChain({ watchStart: at(-5), linkAt: at(-4.5) }), false).gap?.start).toEqual(at(-5));
  });

  it('that starts over twice keeps the older gap', () => {
    const gap = { by: 'receivedDateTime' as const, from: at(-2), skip: 7, start: at(-20) };
    expect(reopened(aChain({ watchStart: at(-100), linkAt: at(-1), gap }), false).gap).toEqual({
      by: 'lastModifiedDateTime',
      from: at(-20),
      skip: 0,
      start: at(-20),
    });
  });

  it('of a crowded mailbox reaches less far back each time, down to a minute', () => {
    let chain = aChain({ results: 3_500, gap: reopened(aChain(), false).gap });
    const windows = [];
    while (isCrowded(chain)) {
      chain = { ...reopened(chain, true), results: 3_500 };
      windows.push(chain.window);
      if (windows.length > 20) throw new Error('no end');
    }
    expect(windows).toEqual([HOUR, 900_000, 225_000, 60_000]);
    expect(reopened(chain, false).window).toBe(WHOLE_WATCH_MS);
    expect(reopened(reopened(aChain(), false), true).window).toBe(HOUR);
  });

  it('opens from the start of the watch, or only a window back in a crowded mailbox whose gap covers the rest', () => {
    expect(openFrom(aChain({ watchStart: at(-50) }), NOW)).toEqual(at(-50));
    const again = reopened(aChain({ watchStart: at(-50) }), false);
    expect(openFrom(again, NOW)).toEqual(at(-50));
    const crowded = reopened(again, true);
    expect(openFrom(crowded, NOW)).toEqual(at(-1));
    expect(openFrom({ ...crowded, watchStart: at(-0.5) }, NOW)).toEqual(at(-0.5));
    expect(openFrom({ ...crowded, gap: undefined }, NOW)).toEqual(at(-50));
  });
});

it('a page is asked for smaller after each worker that died on it, at last one mail alone [F57]', () => {
  expect([0, 1, 2, 3, 50].map(pageSize)).toEqual([50, 10, 1, 1, 1]);
});

it('a folder is known by a short hash that fits keys and clientStates', () => {
  expect(folderKey('AAMkAb=')).toMatch(/^[\w-]{11}$/);
  expect(folderKey('AAMkAb=')).not.toBe(folderKey('AAMkAB='));
});

it('options are known by a hash of what they are', () => {
  expect(optionsHash({ a: '1' })).toBe(optionsHash({ a: '1' }));
  expect(optionsHash({ a: '1' })).not.toBe(optionsHash({ a: '2' }));
});
