import { describe, expect, it } from 'vitest';
import { log, withInvocationLog } from '../../shared/log.ts';
import { aCanary, makeScanner } from '../support/hostile/canaries.ts';

const SECRET = aCanary('secret');
const scan = makeScanner({ secret: SECRET, other: aCanary('other') });

const LEAKS: [string, string][] = [
  ['as it stands', `{"event":"x","reason":"${SECRET}"}`],
  ['in capitals', SECRET.toUpperCase()],
  ['in a URL', encodeURIComponent(`https://x/?code=${SECRET}`)],
  ['in base64', Buffer.from(SECRET).toString('base64')],
  ['in base64 after one character', Buffer.from(`:${SECRET}:`).toString('base64')],
  ['in base64 after two characters', Buffer.from(`id${SECRET}`).toString('base64')],
  ['in base64 for URLs', Buffer.from(`user:${SECRET}`).toString('base64url')],
  ['in hex', Buffer.from(SECRET).toString('hex')],
  ['escaped', Array.from(SECRET, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')],
  ['backwards', Array.from(SECRET).toReversed().join('')],
  ['in the stack of an error', new Error(`refused: ${SECRET}`).stack ?? ''],
];

describe('the scan for canaries', () => {
  it.each(LEAKS)('finds a leak %s', (_, text) => {
    expect(scan(`before ${text} after`)).toEqual(['secret']);
  });

  it('finds nothing where nothing is', () => {
    for (const text of ['', 'mail published', SECRET.slice(0, -1), Buffer.from('kanarie').toString('base64')])
      expect(scan(text)).toEqual([]);
  });

  it('finds a leak that somebody plants in a log line', () => {
    const lines: string[] = [];
    withInvocationLog(
      (_level, line) => lines.push(line),
      () => {
        log('info', 'mail published', { messageId: 'fine' });
        log('warn', 'mail failing', { reason: `cannot read "${SECRET}"` });
      },
    );
    expect(lines.map(scan)).toEqual([[], ['secret']]);
  });
});
