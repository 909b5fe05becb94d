import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parseRetryAfter } from '../../shared/adapters/graph/graph-failure.ts';
import { parseMessage, parsePage } from '../../shared/adapters/graph/graph-message.ts';
import { ledgerBound, ledgerKey } from '../../shared/domain/delivery.ts';
import type { Mail } from '../../shared/domain/mail.ts';
import { fitEvent, MAX_EVENT_BYTES, mailEventSchema, toMailEvent } from '../../shared/domain/mail-event.ts';
import { MAILBOX, TENANT } from '../support/builders.ts';
import { answeredPayload } from '../support/payloads.ts';

const PLACE = { tenant: TENANT, mailbox: MAILBOX, address: 'sales@northwind.example', folderId: 'inbox-id' };
const eventOf = (mail: Mail) => toMailEvent(mail, PLACE, 'message-id');

/** Text with everything in it that JSON, UTF-8 and logs stumble over, lone surrogates included. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
);
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined });
const person = fc.record({ name: maybe(text), address: maybe(text) });
const people = fc.oneof(
  { arbitrary: fc.array(person, { maxLength: 4 }), weight: 9 },
  {
    arbitrary: fc
      .tuple(person, fc.integer({ min: 1, max: 4_000 }))
      .map(([one, count]) => Array.from({ length: count }, () => one)),
    weight: 1,
  },
);
const time = fc.date({ min: new Date('1970-01-02'), max: new Date('2200-01-01'), noInvalidDate: true });
const long = fc
  .tuple(
    text,
    fc.constantFrom(0, 1, 100, 229_000, 300_000, 1_000_000),
    fc.constantFrom('x', '€', '"', '\u0000', '😀', '\ud800'),
  )
  .map(([start, count, unit]) => start + unit.repeat(Math.ceil(count / Buffer.byteLength(unit))));
const mailArbitrary: fc.Arbitrary<Mail> = fc.record({
  id: fc.stringMatching(/^[A-Za-z0-9_=-]{1,200}$/),
  receivedAt: time,
  sentAt: maybe(time),
  isDraft: fc.boolean(),
  parentFolderId: maybe(text),
  internetMessageId: maybe(text),
  conversationId: maybe(text),
  subject: maybe(text),
  from: maybe(person),
  sender: maybe(person),
  to: people,
  cc: people,
  bcc: people,
  replyTo: people,
  importance: maybe(text),
  isRead: maybe(fc.boolean()),
  headers: fc.array(
    fc.record({
      name: fc.oneof(text, fc.constantFrom('References', 'IN-REPLY-TO', 'in-reply-to', '__proto__', 'constructor')),
      value: fc.oneof(text, fc.constantFrom('<a@b> <c@d>', '<a@b><c@d>', '<', '<>', 'text')),
    }),
    { maxLength: 8 },
  ),
  body: fc.record({ contentType: fc.constantFrom('html' as const, 'text' as const), content: long }),
  attachments: fc.array(
    fc.record({
      id: text,
      kind: fc.constantFrom('file' as const, 'item' as const, 'reference' as const),
      name: maybe(text),
      contentType: maybe(text),
      size: fc.nat(),
      isInline: fc.boolean(),
      contentId: maybe(text),
    }),
    { maxLength: 4 },
  ),
});

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('a mail event', () => {
  it('is valid, fits the queue, and holds the mail once its claim checks are resolved [F54, F84]', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(mailArbitrary, (mail) => {
        const { body, parts } = fitEvent(eventOf(mail), 'mail-content', `${MAILBOX}/d-1`);
        expect(Buffer.byteLength(body)).toBeLessThanOrEqual(MAX_EVENT_BYTES);
        const event = mailEventSchema.parse(JSON.parse(body));

        const blobs = new Map(parts.map((part) => [part.claimCheck.blob, part]));
        const resolve = (claimCheck: { blob: string; size: number; sha256: string }): Buffer => {
          const content = blobs.get(claimCheck.blob)?.content ?? Buffer.alloc(0);
          expect({ size: content.length, sha256: digest(content) }).toEqual({
            size: claimCheck.size,
            sha256: claimCheck.sha256,
          });
          return content;
        };
        const { messageClaimCheck, message: direct, ...data } = event.data;
        const message = messageClaimCheck
          ? mailEventSchema.shape.data.shape.message.parse(JSON.parse(resolve(messageClaimCheck).toString()))
          : direct;
        const whole =
          message && 'claimCheck' in message.body
            ? {
                ...message,
                body: { contentType: message.body.contentType, content: resolve(message.body.claimCheck).toString() },
              }
            : message;
        kinds.add(messageClaimCheck ? 'message' : parts.length > 0 ? 'body' : 'whole');

        const untouched: unknown = JSON.parse(JSON.stringify(eventOf(mail)));
        expect({ ...event, data: { ...data, message: whole } }).toEqual(untouched);
      }),
      { numRuns: 300 },
    );
    expect([...kinds].toSorted()).toEqual(['body', 'message', 'whole']);
  }, 60_000);

  it('is the same text each time: a repeat is byte for byte what was sent [F01]', () => {
    fc.assert(
      fc.property(mailArbitrary, (mail) => {
        const fit = () => fitEvent(eventOf(structuredClone(mail)), 'mail-content', 'f');
        expect(fit().body === fit().body).toBe(true);
      }),
      { numRuns: 50 },
    );
  }, 60_000);
});

describe('a message of Graph', () => {
  const genuine = {
    ...z.record(z.string(), z.unknown()).parse(answeredPayload('message-full-200').body),
    internetMessageHeaders: [{ name: 'X-A', value: '1' }],
    attachments: z.object({ value: z.unknown() }).parse(answeredPayload('attachments-list-200').body).value,
  };
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom<unknown>(
      undefined,
      null,
      '',
      [],
      {},
      'constructor',
      '__proto__',
      1e308,
      -1,
      '0001-01-01T00:00:00Z',
      '9999-12-31T23:59:59Z',
    ),
  );

  /** Puts `value` at a place of the tree that `path` leads to. */
  function graft(tree: unknown, path: number[], value: unknown): unknown {
    const [step, ...rest] = path;
    if (step === undefined || typeof tree !== 'object' || tree === null) return value;
    const entries: [string, unknown][] = Object.entries(tree);
    const entry = entries[step % Math.max(1, entries.length)];
    if (!entry) return value;
    const [name, child] = entry;
    const grown = graft(child, rest, value);
    return Array.isArray(tree) ? tree.with(Number(name), grown) : { ...tree, [name]: grown };
  }

  const mutated = fc
    .array(fc.tuple(fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }), odd), { minLength: 1, maxLength: 3 })
    .map((grafts) => grafts.reduce<unknown>((tree, [path, value]) => graft(tree, path, value), genuine));

  it('of any form becomes a mail or is refused by name, and every mail becomes an event [F83, F84]', () => {
    let mails = 0;
    fc.assert(
      fc.property(mutated, (raw) => {
        let mail: Mail;
        try {
          mail = parseMessage(raw);
        } catch (error) {
          expect(error).toBeInstanceOf(z.ZodError);
          return;
        }
        mails++;
        const { body } = fitEvent(eventOf(mail), 'mail-content', 'f');
        expect(mailEventSchema.safeParse(JSON.parse(body)).error).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
    expect(mails).toBeGreaterThan(100);
  }, 60_000);

  it('on a page never breaks the page [F39, F83]', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(mutated, fc.anything()), { maxLength: 5 }), (value) => {
        const page = parsePage({ value });
        expect(page?.count).toBe(value.length);
        expect(page?.entries.length).toBeLessThanOrEqual(value.length);
      }),
      { numRuns: 1_000 },
    );
  });

  it('in anything at all is a page or none [F39]', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.record({ value: fc.anything() })), (body) => {
        const page = parsePage(body);
        if (page) expect(Array.isArray(page.entries)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

it('Retry-After of any form is a time from nothing to an hour, or none [F35]', () => {
  const forms = fc.oneof(
    fc.string(),
    fc.double().map(String),
    fc.integer().map(String),
    fc.date().map(String),
    time.map((date) => date.toUTCString()),
  );
  fc.assert(
    fc.property(forms, fc.integer({ min: 0, max: 4e12 }), (value, now) => {
      const ms = parseRetryAfter(value, now);
      if (ms === undefined) return;
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThanOrEqual(3_600_000);
    }),
    { numRuns: 1_000 },
  );
});

it('keys of the ledger sort as their mails were received, newest first', () => {
  const id = fc.stringMatching(/^[A-Za-z0-9_=-]{1,60}$/);
  fc.assert(
    fc.property(time, time, id, id, (one, other, first, second) => {
      const [a, b] = [ledgerKey(one, first), ledgerKey(other, second)];
      if (one > other) expect(a < b).toBe(true);
      if (one < other) expect(a > b).toBe(true);
      if (one.getTime() === other.getTime() && first === second) expect(a).toBe(b);
      expect(ledgerBound(one) < a).toBe(true);
      expect(a < ledgerBound(new Date(one.getTime() - 1))).toBe(true);
    }),
  );
});
