import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { MESSAGE_FIELDS, parseMessage, parsePage } from '../../../shared/adapters/graph/graph-message.ts';
import { answeredPayload } from '../../support/payloads.ts';

const bodyOf = (name: string) => z.record(z.string(), z.unknown()).parse(answeredPayload(name).body);
const message = bodyOf('message-full-200');
const whole = (changes: Record<string, unknown> = {}) => ({
  ...message,
  internetMessageHeaders: [{ name: 'X-A', value: '1' }],
  attachments: [],
  ...changes,
});
const entriesOf = (...value: unknown[]) => parsePage({ value })?.entries;

describe('a message of Graph', () => {
  it('becomes a mail', () => {
    expect(parseMessage(whole())).toMatchObject({
      id: message.id,
      receivedAt: new Date('2026-11-21T09:12:05Z'),
      sentAt: new Date('2026-11-21T09:12:01Z'),
      isDraft: false,
      subject: 'Quote request: 40 pallets, delivery in week 3',
      from: { name: 'Tomas Lindqvist', address: 'tomas@northwind.example' },
      to: [{ name: 'Amara Okafor', address: 'amara@contoso.example' }],
      bcc: [],
      body: { contentType: 'html' },
      headers: [{ name: 'X-A', value: '1' }],
    });
  });

  it.each([
    'sentDateTime',
    'isDraft',
    'parentFolderId',
    'internetMessageId',
    'conversationId',
    'subject',
    'from',
    'sender',
    'toRecipients',
    'ccRecipients',
    'bccRecipients',
    'replyTo',
    'importance',
    'isRead',
    'internetMessageHeaders',
    'attachments',
  ])('may lack %s, or have null there [F84]', (name) => {
    const { [name]: _, ...without } = z.record(z.string(), z.unknown()).parse(whole());
    expect(() => parseMessage(without)).not.toThrow();
    expect(parseMessage(whole({ [name]: null }))).toEqual(parseMessage(without));
  });

  it.each([
    ['no address', { emailAddress: { name: 'Only a name' } }, { name: 'Only a name', address: undefined }],
    ['nulls', { emailAddress: { name: null, address: null } }, { name: undefined, address: undefined }],
    ['nothing', { emailAddress: null }, undefined],
  ])('may have a sender with %s', (_, from, expected) => {
    expect(parseMessage(whole({ from })).from).toEqual(expected);
  });

  it('leaves empty recipients out', () => {
    const toRecipients = [null, {}, { emailAddress: null }, { emailAddress: { address: 'a@b.example' } }];
    expect(parseMessage(whole({ toRecipients })).to).toMatchObject([{ address: 'a@b.example' }]);
  });

  it('lists each kind of attachment [F83]', () => {
    const attachments = z.object({ value: z.unknown() }).parse(bodyOf('attachments-list-200')).value;
    expect(parseMessage(whole({ attachments })).attachments).toMatchObject([
      { kind: 'file', name: 'drawing-40p.pdf', size: 48_211, isInline: false, contentId: undefined },
      { kind: 'file', name: 'logo.png', isInline: true, contentId: 'logo01@northwind.example' },
      { kind: 'item', name: 'Earlier order', contentType: 'message/rfc822' },
      { kind: 'reference', name: 'Price list' },
    ]);
  });

  it('fits an attachment with odd sizes into the mail event', () => {
    const attachments = [-1, 1.5, null].map((size, index) => ({ id: `a${index}`, size }));
    expect(parseMessage(whole({ attachments })).attachments.map(({ size }) => size)).toEqual([0, 1, 0]);
  });

  it.each([
    ['id', ''],
    ['id', 7],
    ['receivedDateTime', 'yesterday'],
    ['receivedDateTime', null],
    ['body', null],
    ['body', { contentType: 'html' }],
    ['toRecipients', 'a@b.example'],
    ['internetMessageHeaders', [{ value: 'no name' }]],
  ])('with %s = %o is refused, naming the field but quoting nothing [T17]', (name, value) => {
    const refuse = () => parseMessage(whole({ [name]: value, subject: 'secret subject' }));
    expect(refuse).toThrow(z.ZodError);
    expect(refuse).not.toThrow(/secret/);
  });
});

describe('a page', () => {
  it('asks for every field that a mail needs', () => {
    const fields = MESSAGE_FIELDS.split(',');
    expect(new Set(fields).size).toBe(fields.length);
    expect(Object.keys(whole()).filter((name) => fields.includes(name)).length).toBe(fields.length);
  });

  it('keeps the links and counts what it lists', () => {
    expect(parsePage(bodyOf('delta-page-next-200'))).toMatchObject({ count: 2, links: { delta: undefined } });
    expect(parsePage(bodyOf('delta-page-next-200'))?.links.next).toContain('$skiptoken=');
    expect(parsePage(bodyOf('delta-page-removed-200'))?.links.delta).toContain('$deltatoken=');
  });

  it('leaves removals out but counts them: a filtered delta ends at 5,000 entries [F46, F49]', () => {
    const page = parsePage(bodyOf('delta-page-removed-200'));
    expect(page?.count).toBe(3);
    expect(page?.entries).toHaveLength(1);
  });

  it('tells a whole mail from one with fields left out', () => {
    expect(entriesOf(whole())?.[0]?.kind).toBe('mail');
    for (const name of ['body', 'internetMessageHeaders', 'attachments']) {
      const { [name]: _, ...without } = z.record(z.string(), z.unknown()).parse(whole());
      expect(entriesOf(without)).toEqual([
        { kind: 'partial', id: message.id, receivedAt: new Date('2026-11-21T09:12:05Z') },
      ]);
    }
    expect(entriesOf({ id: 'a' })).toEqual([{ kind: 'partial', id: 'a', receivedAt: undefined }]);
  });

  it('names what it cannot read, so that one odd mail stops no others [F39]', () => {
    expect(entriesOf(whole({ body: 5 }), whole(), null, 'x', {}, { id: '' })?.map((entry) => entry.kind)).toEqual([
      'unreadable',
      'mail',
      'unreadable',
      'unreadable',
      'unreadable',
      'unreadable',
    ]);
  });

  it.each([undefined, null, '', '<html>', 5, [], {}, { value: null }, { value: {} }])('is no page: %o', (body) => {
    expect(parsePage(body)).toBeUndefined();
  });

  it('takes only text for a link', () => {
    const page = parsePage({ value: [], '@odata.nextLink': { href: 'x' }, '@odata.deltaLink': null });
    expect(page?.links).toEqual({ next: undefined, delta: undefined });
  });
});
