import { simpleParser } from 'mailparser';
import { describe, expect, test } from 'vitest';
import { makeGeneratedMails, makeSampleMails } from '../../local/sample-mail/sample-mail.ts';
import { sampleMailboxes } from '../../local/sample-mail/sample-mailboxes.ts';

const now = new Date('2026-02-03T09:30:00Z');
const samples = await makeSampleMails(now);
const parsed = await Promise.all(samples.map(({ raw }) => simpleParser(raw)));

describe('the sample mail', () => {
  test('is at least a dozen mails, each with its own Message-ID, over all mailboxes', () => {
    expect(samples.length).toBeGreaterThanOrEqual(12);
    expect(parsed.map(({ messageId }) => messageId)).toEqual(samples.map(({ internetMessageId }) => internetMessageId));
    expect(new Set(samples.map(({ internetMessageId }) => internetMessageId)).size).toBe(samples.length);
    expect(new Set(samples.map(({ mailbox }) => mailbox.address)).size).toBe(sampleMailboxes.length);
  });

  test('differs in its ids from run to run', async () => {
    const later = await makeSampleMails(new Date(now.getTime() + 1));
    const before = new Set(samples.map(({ internetMessageId }) => internetMessageId));
    expect(later.filter(({ internetMessageId }) => before.has(internetMessageId))).toEqual([]);
  });

  test('shows what real mail is made of', () => {
    expect(parsed.some(({ html }) => html === false)).toBe(true);
    expect(parsed.some(({ html, text }) => html !== false && text !== undefined)).toBe(true);
    expect(parsed.some(({ inReplyTo, references }) => inReplyTo !== undefined && references !== undefined)).toBe(true);
    expect(
      parsed.some(({ attachments }) => attachments.some(({ contentType }) => contentType === 'application/pdf')),
    ).toBe(true);
    expect(parsed.some(({ attachments }) => attachments.some(({ related, cid }) => related && cid !== undefined))).toBe(
      true,
    );
    expect(parsed.some(({ headers }) => headers.get('auto-submitted') === 'auto-replied')).toBe(true);
    expect(parsed.some(({ headers }) => headers.has('list'))).toBe(true);
    const subjects = parsed.map(({ subject }) => subject ?? '').join('\n');
    expect(subjects).toMatch(/\p{Script=Hiragana}/u);
    expect(subjects).toMatch(/\p{Script=Arabic}/u);
    expect(subjects).toMatch(/\p{Extended_Pictographic}/u);
  });

  test('has one body of 400 KB, far above what fits into a queue message', () => {
    const sizes = parsed.map(({ html }) => (html === false ? 0 : Buffer.byteLength(html)));
    expect(Math.max(...sizes)).toBeGreaterThan(400_000);
  });
});

test('generated mails are as many as asked for, spread evenly, each with its own Message-ID', async () => {
  const mails = await makeGeneratedMails(10, sampleMailboxes, now);
  expect(new Set(mails.map(({ internetMessageId }) => internetMessageId)).size).toBe(10);
  const perMailbox = sampleMailboxes.map(({ id }) => mails.filter(({ mailbox }) => mailbox.id === id).length);
  expect(perMailbox).toEqual([3, 3, 2, 2]);
});
