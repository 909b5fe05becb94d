import { describe, expect, it } from 'vitest';
import { isUnfinished, ledgerBound, ledgerKey, messageIdOf } from '../../../shared/domain/delivery.ts';
import { isWanted } from '../../../shared/domain/mail.ts';
import { MAILBOX, TENANT } from '../../support/builders.ts';

const NOW = Date.parse('2026-10-12T08:00:00Z');
const DAY = 86_400_000;

describe('a MessageId', () => {
  it('is the same for the same mail, for ever [F01, F56]', () => {
    // A change here would send every mail of the last seven days again.
    expect(messageIdOf(TENANT, MAILBOX, 'AAkA=')).toBe(messageIdOf(TENANT.toUpperCase(), MAILBOX, 'AAkA='));
    expect(messageIdOf(TENANT, MAILBOX, 'AAkA=')).toMatch(/^[\w-]{43}$/);
  });

  it('differs by tenant, mailbox and id, whose letter case counts [F41, F85, T31]', () => {
    const ids = [
      messageIdOf(TENANT, MAILBOX, 'AAkAb='),
      messageIdOf(TENANT, MAILBOX, 'AAkAB='),
      messageIdOf(TENANT, '99999999-2222-4333-8444-555555555555', 'AAkAb='),
      messageIdOf('99999999-2222-4333-8444-555555555555', MAILBOX, 'AAkAb='),
    ];
    expect(new Set(ids).size).toBe(4);
  });

  it('cannot be made alike by moving a border between its parts [T31]', () => {
    expect(messageIdOf('t', 'ab', 'c')).not.toBe(messageIdOf('t', 'a', 'bc'));
  });
});

describe('a key of the ledger', () => {
  it('sorts the newest mail first', () => {
    const times = [0, 1, 999, 1_000, NOW - DAY, NOW, NOW + 1, NOW + 60 * DAY].map((ms) => new Date(ms));
    const keys = times.map((time) => ledgerKey(time, 'AAkA='));
    expect(keys.toSorted()).toEqual(keys.toReversed());
  });

  it('keeps two mails of one moment apart, also by letter case alone [F41]', () => {
    expect(ledgerKey(new Date(NOW), 'AAkAb=')).not.toBe(ledgerKey(new Date(NOW), 'AAkAB='));
  });

  it('lies between the bounds of its moment and the one before', () => {
    const key = ledgerKey(new Date(NOW), 'AAkA=');
    expect(ledgerBound(new Date(NOW)) < key).toBe(true);
    expect(key < ledgerBound(new Date(NOW - 1))).toBe(true);
  });

  it('holds nothing that a table forbids [T14]', () => {
    expect(ledgerKey(new Date(NOW), '/\\#?\u0000')).toMatch(/^[\w:-]+$/);
  });
});

it('only failing and parked mails are unfinished', () => {
  const row = { key: 'k', id: 'i', attempts: 0, recordedAt: new Date(NOW) };
  const states = (['published', 'failing', 'parked', 'gone'] as const).filter((state) =>
    isUnfinished({ ...row, state }),
  );
  expect(states).toEqual(['failing', 'parked']);
});

describe('a mail', () => {
  const start = new Date(NOW - DAY);
  const wanted = (receivedAt: number, isDraft = false) =>
    isWanted({ receivedAt: new Date(receivedAt), isDraft }, start, NOW);

  it('is wanted from the start of the watch on', () => {
    expect(wanted(start.getTime())).toBe(true);
    expect(wanted(start.getTime() - 1)).toBe(false);
    expect(wanted(NOW + DAY)).toBe(true);
  });

  it('is not wanted as a draft [F49]', () => {
    expect(wanted(NOW, true)).toBe(false);
  });

  it('is not wanted when it is so old that its row could be gone already', () => {
    const at = (days: number) => isWanted({ receivedAt: new Date(NOW - days * DAY), isDraft: false }, new Date(0), NOW);
    expect(at(59)).toBe(true);
    expect(at(59.001)).toBe(false);
  });
});
