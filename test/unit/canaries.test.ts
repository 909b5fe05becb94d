import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MailboxUnavailableError, PermanentError } from '../../shared/errors.ts';
import type { App } from '../support/app-under-test.ts';
import type { World } from '../support/in-memory-ports.ts';
import { MAILBOX } from '../support/builders.ts';
import type { Fault } from '../support/fakes/gate.ts';
import { makeScanner } from '../support/hostile/canaries.ts';
import {
  aTellingWorld,
  CANARY,
  everythingOf,
  liveADay,
  SECRETS,
  type Written,
} from '../support/hostile/telling-day.ts';
import { quietly } from '../support/quiet-log.ts';

const ADDRESS = `${CANARY}@northwind.example`;
const scan = makeScanner(SECRETS);

let written: Written;

beforeEach(() => {
  written = { lines: [], thrown: [], refusals: [] };
  const toLines = (...args: unknown[]) => void written.lines.push(args.map(String).join(' '));
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const)
    vi.spyOn(console, method).mockImplementation(toLines);
});

afterEach(() => {
  vi.restoreAllMocks();
});

const live = (day: { world: World; app: App }) => quietly(written.lines, () => liveADay(day, written));
const told = () => everythingOf(written).filter((text) => scan(text).length > 0);

/** Messages of errors, which may quote anything. */
const KINDS: Pick<Fault, 'kind' | 'error' | 'when'>[] = [
  { kind: 'error', error: () => new Error(`AccountKey=${CANARY};${ADDRESS}`) },
  {
    kind: 'error',
    when: 'after',
    error: () => Object.assign(new TypeError(CANARY), { code: `${CANARY} in a code`, name: 'TypeError' }),
  },
  { kind: 'error', error: () => Object.assign(new Error(CANARY), { name: `${CANARY} in a name`, details: CANARY }) },
  { kind: 'error', error: () => new PermanentError('graph:message-unreadable', { cause: new Error(CANARY) }) },
  { kind: 'error', error: () => new MailboxUnavailableError('no-access', 'graph:403', { cause: new Error(CANARY) }) },
  { kind: 'conflict' },
];

describe('no log line tells an address, a mail, a secret or a message of an error', () => {
  it('on a day when all is well [T17]', async () => {
    const day = aTellingWorld();
    await live(day);
    expect(day.world.crmQueue.events.length).toBeGreaterThan(3);
    expect(written.lines.length).toBeGreaterThan(10);
    expect(written.refusals.length).toBeGreaterThan(5);
    expect(told()).toEqual([]);
  });

  it('whatever call fails, and in whatever way [T17]', async () => {
    const well = aTellingWorld();
    await live(well);
    const calls = [...new Set(well.app.gate.calls)];
    expect(calls.length).toBeGreaterThan(25);
    let failures = 0;
    let thrown = 0;
    // Most calls come several times a day: each time they fail in another way. Some come only twice.
    for (const call of calls)
      for (const kinds of [KINDS, KINDS.toReversed()]) {
        const day = aTellingWorld();
        written = { lines: [], thrown: [], refusals: [] };
        day.app.gate.inject(...kinds.map((kind, place) => ({ call, nth: place + 2, ...kind })));
        await live(day);
        failures += written.lines.filter((line) => /"code":/.test(line)).length;
        thrown += written.thrown.length;
        expect(told(), `${call} fails`).toEqual([]);
      }
    // The failures have to reach the log and the host at all.
    expect(failures).toBeGreaterThan(100);
    expect(thrown).toBeGreaterThan(10);
  }, 120_000);

  it('when a call fails for good, nor in the reasons that are kept and shown to the administrator [T17]', async () => {
    const well = aTellingWorld();
    await live(well);
    let thrown = 0;
    let reasons = 0;
    for (const call of new Set(well.app.gate.calls)) {
      const day = aTellingWorld();
      written = { lines: [], thrown: [], refusals: [] };
      day.app.gate.inject({ call, kind: 'error', error: () => new Error(`${CANARY} ${ADDRESS}`) });
      await live(day);
      thrown += written.thrown.length;
      expect(told(), `${call} never works`).toEqual([]);
      const kept = [
        ...day.world.folders.all().map(({ reason }) => reason),
        ...day.world.deliveries.ledger(MAILBOX).map(({ reason }) => reason ?? ''),
      ].filter((reason) => reason !== '');
      reasons += kept.length;
      for (const reason of kept) expect(scan(reason), `${call} never works: ${reason}`).toEqual([]);
    }
    expect(thrown).toBeGreaterThan(10);
    expect(reasons).toBeGreaterThan(20);
  }, 120_000);
});
