import { exportJWK, generateKeyPair } from 'jose';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PARSERS, tryParser } from '../support/hostile/parsers.ts';

// Millions with `node test/support/hostile/fuzz.ts --runs N`.
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300);
/** The same inputs whenever the same tests run; `npm run fuzz` plays others, by the million. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20261122);

beforeAll(async () => {
  const { publicKey } = await generateKeyPair('RS256');
  const key = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  vi.stubGlobal('fetch', () => Promise.resolve(Response.json({ keys: [key] })));
  for (const method of ['log', 'error'] as const) vi.spyOn(console, method).mockImplementation(() => undefined);
});
afterAll(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('whatever others write', () => {
  it.each(PARSERS.map((parser) => [parser.name, parser] as const))(
    'is read or refused by name, never worse: %s [F08, F39, F84, T06]',
    async (_, parser) => {
      await fc.assert(
        fc.asyncProperty(parser.input, async (input) => {
          expect(await tryParser(parser, input)).toBeUndefined();
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
    600_000,
  );

  it('is tried on every reader there is', () => {
    expect(PARSERS.length).toBeGreaterThanOrEqual(25);
    expect(new Set(PARSERS.map(({ name }) => name)).size).toBe(PARSERS.length);
  });
});
