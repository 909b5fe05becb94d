import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fitEvent, MAX_EVENT_BYTES, mailEventSchema, toMailEvent } from '../../../shared/domain/mail-event.ts';
import type { Mail } from '../../../shared/domain/mail.ts';
import { aMail, INBOX, MAILBOX, TENANT } from '../../support/builders.ts';

const place = { tenant: TENANT, mailbox: MAILBOX, address: 'sales@northwind.example', folderId: INBOX };
const fit = (mail: Mail) => {
  const { body, parts } = fitEvent(toMailEvent(mail, place, 'event-id'), 'mail-content', `${MAILBOX}/d-1`);
  return { body, parts, event: mailEventSchema.parse(JSON.parse(body)) };
};
const bytes = (text: string) => Buffer.byteLength(text);
const textMail = (content: string, changes: Partial<Mail> = {}) =>
  aMail({ body: { contentType: 'text', content }, ...changes });
const LONE = '\ud83d';

describe('a mail event', () => {
  it('says where the mail is from, what it is and when it came', () => {
    const mail = aMail({
      headers: [
        { name: 'In-Reply-To', value: '<a@x>' },
        { name: 'References', value: '<root@x>\r\n <a@x>' },
      ],
    });
    const { event } = fit(mail);
    expect(event).toMatchObject({
      specversion: '1.0',
      id: 'event-id',
      source: `/tenants/${TENANT}/mailboxes/${MAILBOX}`,
      subject: mail.id,
      time: '2026-10-12T08:00:00.000Z',
      data: {
        tenantId: TENANT,
        mailbox: { id: MAILBOX, address: 'sales@northwind.example' },
        folder: { id: INBOX },
        message: { id: mail.id, inReplyTo: '<a@x>', references: ['<root@x>', '<a@x>'], subject: mail.subject },
      },
    });
  });

  it('has a null for everything that a mail may lack [F84]', () => {
    const bare = aMail({
      sentAt: undefined,
      parentFolderId: undefined,
      internetMessageId: undefined,
      conversationId: undefined,
      subject: undefined,
      from: undefined,
      sender: undefined,
      importance: undefined,
      headers: [],
    });
    const { event } = fit(bare);
    expect(event.data.folder.id).toBe(INBOX);
    expect(event.data.message).toMatchObject({
      subject: null,
      from: null,
      sentAt: null,
      inReplyTo: null,
      references: [],
    });
  });
});

describe('an event that has to fit a message', () => {
  const same = aMail({ id: 'AAkA=' });

  it('goes out whole at the limit and with a claim check one byte beyond [F54]', () => {
    const base = bytes(fit({ ...same, body: { contentType: 'text', content: '' } }).body);
    const at = (size: number) => fit({ ...same, body: { contentType: 'text', content: 'x'.repeat(size - base) } });
    expect(bytes(at(MAX_EVENT_BYTES).body)).toBe(MAX_EVENT_BYTES);
    expect(at(MAX_EVENT_BYTES).parts).toEqual([]);
    expect(at(MAX_EVENT_BYTES - 1).parts).toEqual([]);
    const beyond = at(MAX_EVENT_BYTES + 1);
    expect(beyond.parts).toHaveLength(1);
    expect(bytes(beyond.body)).toBeLessThan(4_000);
  });

  it('counts bytes, not characters [F54]', () => {
    const { parts, body } = fit(textMail('€'.repeat(100_000)));
    expect(parts).toHaveLength(1);
    expect(bytes(body)).toBeLessThanOrEqual(MAX_EVENT_BYTES);
  });

  it('describes its body by name, size and digest [F69]', () => {
    const content = `<p>${'ü'.repeat(200_000)}</p>`;
    const { event, parts } = fit(aMail({ body: { contentType: 'html', content } }));
    const claimCheck = {
      container: 'mail-content',
      blob: `${MAILBOX}/d-1/body`,
      contentType: 'text/html; charset=utf-8',
      size: bytes(content),
      sha256: createHash('sha256').update(content).digest('hex'),
    };
    expect(event.data.message?.body).toEqual({ contentType: 'html', claimCheck });
    expect(parts).toEqual([{ claimCheck, content: Buffer.from(content) }]);
  });

  it.each([
    [
      '300 KB of headers',
      { headers: Array.from({ length: 3_000 }, (_, n) => ({ name: `X-${n}`, value: 'v'.repeat(90) })) },
    ],
    [
      '5,000 recipients',
      {
        to: Array.from({ length: 5_000 }, (_, n) => ({
          name: `Person ${n}`,
          address: `person-${n}@northwind.example`,
        })),
      },
    ],
    ['a subject of 300 KB', { subject: 's'.repeat(300_000) }],
  ])('with %s leaves the whole message in a blob [F54]', (_, changes) => {
    const { event, parts, body } = fit(aMail(changes));
    expect(bytes(body)).toBeLessThan(4_000);
    expect(event.data.message).toBeUndefined();
    expect(event.data.messageClaimCheck?.blob).toBe(`${MAILBOX}/d-1/message`);
    const whole = parts.find(({ claimCheck }) => claimCheck.blob.endsWith('/message'));
    const stored: unknown = JSON.parse(whole?.content.toString() ?? '');
    expect(mailEventSchema.shape.data.shape.message.parse(stored)).toBeDefined();
    expect(event.data.messageClaimCheck).toEqual(whole?.claimCheck);
  });

  it('with 300 recipients goes out whole', () => {
    const to = Array.from({ length: 300 }, (_, n) => ({
      name: `Person ${n}`,
      address: `person-${n}@northwind.example`,
    }));
    expect(fit(aMail({ to })).parts).toEqual([]);
  });

  it('names its blobs by nothing that the mail says [T15]', () => {
    const nasty = '../../other/mailbox';
    const { parts } = fit(textMail('x'.repeat(400_000), { subject: nasty, id: 'AAkA=', internetMessageId: nasty }));
    expect(parts.map(({ claimCheck }) => claimCheck.blob)).toEqual([`${MAILBOX}/d-1/body`]);
  });
});

describe('text that has no UTF-8 form', () => {
  it('arrives with a replacement character, wherever it stood [F84]', () => {
    const person = { name: `n${LONE}`, address: `a${LONE}@x` };
    const mail = textMail(`b${LONE}`, {
      subject: `s${LONE}`,
      from: person,
      sender: person,
      to: [person],
      cc: [person],
      bcc: [person],
      replyTo: [person],
      internetMessageId: `<m${LONE}@x>`,
      conversationId: `c${LONE}`,
      importance: `i${LONE}`,
      headers: [
        { name: `X-${LONE}`, value: `v${LONE}` },
        { name: 'In-Reply-To', value: `<r${LONE}@x>` },
        { name: 'References', value: `<r${LONE}@x>` },
      ],
      attachments: [
        {
          id: 'AAkAattachment=',
          kind: 'file',
          name: `f${LONE}`,
          contentType: `t${LONE}`,
          size: 1,
          isInline: false,
          contentId: `c${LONE}`,
        },
      ],
    });
    expect(fit(mail).body).not.toMatch(/\\ud[89a-f]/i);
  });

  it('is digested as it is stored', () => {
    const { parts } = fit(textMail(`${'x'.repeat(300_000)}${LONE}`));
    const [part] = parts;
    expect(part?.content.toString()).toContain('\ufffd');
    expect(part?.claimCheck.sha256).toBe(
      createHash('sha256')
        .update(part?.content ?? '')
        .digest('hex'),
    );
  });
});
