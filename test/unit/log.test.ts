import { afterEach, describe, expect, it, vi } from 'vitest';
import { errorCode, MailboxUnavailableError, PermanentError, TransientError } from '../../shared/errors.ts';
import { log, withInvocationLog } from '../../shared/log.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function lineOf(event: string, fields?: Parameters<typeof log>[2]): string {
  const lines: string[] = [];
  withInvocationLog(
    (_level, line) => lines.push(line),
    () => log('info', event, fields),
  );
  return lines.join('<next line>');
}

describe('a log line', () => {
  it('is one line of JSON', () => {
    expect(JSON.parse(lineOf('mail published', { mailbox: 'm', count: 2 }))).toEqual({
      event: 'mail published',
      mailbox: 'm',
      count: 2,
    });
  });

  it.each([
    ['a line break', 'a\nb'],
    ['a carriage return', 'a\r\nb'],
    ['an escape sequence', '\u001b[31mred\u001b[0m'],
    ['an 8-bit escape sequence', '\u009b31mred'],
    ['a line separator', 'a\u2028b'],
    ['a paragraph separator', 'a\u2029b'],
    ['a next line', 'a\u0085b'],
    ['a delete', 'a\u007fb'],
    ['a null', 'a\u0000b'],
    ['a quote', '","event":"forged'],
    ['a lone surrogate', 'a\ud800b'],
  ])('cannot be forged by %s [T16]', (_, value) => {
    const line = lineOf('x', { reason: value });
    expect(line).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(line)).toEqual({ event: 'x', reason: value });
  });

  it('goes to the invocation that it belongs to, also from later turns of the event loop', async () => {
    const lines: Record<string, string[]> = { a: [], b: [] };
    await Promise.all(
      ['a', 'b'].map((name) =>
        withInvocationLog(
          (_level, line) => lines[name]?.push(line),
          async () => {
            await Promise.resolve();
            log('info', name);
          },
        ),
      ),
    );
    expect(lines).toEqual({ a: ['{"event":"a"}'], b: ['{"event":"b"}'] });
  });

  it('outside an invocation goes to the console, warnings and errors to its error stream', () => {
    const out = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    for (const level of ['info', 'warn', 'error'] as const) log(level, level);
    expect(out.mock.calls).toEqual([['{"event":"info"}']]);
    expect(error.mock.calls).toEqual([['{"event":"warn"}'], ['{"event":"error"}']]);
  });
});

describe('the code of an error', () => {
  it.each([
    [new TransientError('graph:429'), 'graph:429'],
    [new PermanentError('graph:redirect'), 'graph:redirect'],
    [new MailboxUnavailableError('no-access', 'graph:403'), 'graph:403'],
    [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [Object.assign(new Error('x'), { code: 'a secret, with spaces' }), 'Error'],
    [Object.assign(new Error('x'), { code: 'x'.repeat(65) }), 'Error'],
    [Object.assign(new Error('x'), { code: 503 }), 'Error'],
    [new TypeError('secret'), 'TypeError'],
    ['secret', 'unknown'],
    [undefined, 'unknown'],
    [null, 'unknown'],
    [{ code: 'secret' }, 'unknown'],
  ])('is a word, never the message: %o [T17]', (error, code) => {
    expect(errorCode(error)).toBe(code);
  });
});
