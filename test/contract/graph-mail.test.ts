import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { FaultRule } from '../../local/graph/faults.ts';
import { MailboxUnavailableError, PermanentError, TransientError } from '../../shared/errors.ts';
import { USER, emulator, failureOf, never, realMail, strike, useGraph } from './graph-fixture.ts';

useGraph();

describe('the reader of mail', () => {
  const since = new Date(Date.now() - 3_600_000);
  const attachment = { name: 'a.txt', contentType: 'text/plain', content: 'the bytes', contentId: 'c1' };

  it('hands out the very bytes of an attachment, and the MIME of the mail', async () => {
    const { mail, deliver } = await realMail();
    const id = await deliver({ subject: 'Streamed', attachments: [attachment] });
    const found = await mail.getMail(USER.id, id, never);
    const [first] = found === 'gone' ? [] : found.attachments;
    const bytes = new Response(await mail.openAttachment(USER.id, id, first?.id ?? '', never));
    expect(await bytes.text()).toBe('the bytes');
    const mime = await new Response(await mail.openMime(USER.id, id, never)).text();
    expect(mime).toMatch(/^subject: streamed/im);
  });

  it.each([
    ['the cast', { kind: 'delta' as const, status: 400, count: 1 }],
    ['to expand at all', { kind: 'delta' as const, status: 400, count: 2 }],
  ])('opens a chain where %s is refused, and stays with what was granted', async (_, rule) => {
    const { mail, deliver, inbox } = await realMail();
    const id = await deliver({ attachments: [attachment] });
    strike(rule);
    const first = await mail.openChain(USER.id, inbox, since, 50, never);
    expect(mail.isCurrent(first.options)).toBe(true);
    const [entry] = first.entries;
    // Without the expansion the mail is not whole and has to be fetched by id.
    expect(entry?.kind).toBe(rule.count === 2 ? 'partial' : 'mail');
    emulator.control.clearFaults();
    const again = await mail.openChain(USER.id, inbox, since, 50, never);
    expect(again.options).toBe(first.options);
    expect(await mail.getMail(USER.id, id, never)).toMatchObject({ attachments: [{ name: 'a.txt' }] });
  });

  it('comes back to the best options when a 400 had another cause', async () => {
    const { mail, inbox } = await realMail();
    const { options: best } = await mail.openChain(USER.id, inbox, since, 50, never);
    strike({ kind: 'delta', status: 400, count: 3 });
    expect(await failureOf(mail.openChain(USER.id, inbox, since, 50, never))).toBeInstanceOf(PermanentError);
    expect((await mail.openChain(USER.id, inbox, since, 50, never)).options).toBe(best);
  });

  it('reads a mail by id where the cast is refused', async () => {
    const { mail, deliver } = await realMail();
    const id = await deliver({ attachments: [attachment] });
    strike({ kind: 'message', status: 400, count: 1 });
    expect(await mail.getMail(USER.id, id, never)).toMatchObject({ id, attachments: [{ name: 'a.txt' }] });
  });

  it.each(['SyncStateNotFound', 'syncStateNotFound', 'resyncRequired', 'ResyncRequired'])(
    'takes 400 to 410 with %s as an expired link',
    async (code) => {
      const { mail, inbox } = await realMail();
      const { next } = await mail.openChain(USER.id, inbox, since, 50, never);
      for (const status of [400, 404, 410]) {
        strike({ kind: 'delta', status, code, count: 1 });
        expect(await mail.followLink(next.link, 50, never)).toBe('expired');
      }
    },
  );

  it('follows no link that leads elsewhere, and asks nobody [T11]', async () => {
    const { mail } = await realMail();
    const before = emulator.counters().httpRequests;
    const link = `http://localhost:1${new URL(emulator.graphUrl).pathname}/users/x/messages/delta?$deltatoken=1`;
    expect(await failureOf(mail.followLink(link, 50, never))).toBeInstanceOf(PermanentError);
    expect(emulator.counters().httpRequests).toBe(before);
  });

  it('tells a mail that is gone from a mailbox that is [F33, F34]', async () => {
    const { mail, deliver } = await realMail();
    const id = await deliver();
    strike({ kind: 'message', status: 404, code: 'ErrorItemNotFound', count: 1 });
    expect(await mail.getMail(USER.id, id, never)).toBe('gone');
    strike({ kind: 'message', status: 404, code: 'MailboxNotEnabledForRESTAPI', count: 1 });
    expect(await failureOf(mail.getMail(USER.id, id, never))).toMatchObject({ trouble: 'not-found' });
    expect(await failureOf(mail.getMail(randomUUID(), id, never))).toBeInstanceOf(MailboxUnavailableError);
  });

  it('passes on what Graph asks to wait [F35]', async () => {
    const { mail, inbox } = await realMail();
    strike({ kind: 'delta', status: 429, retryAfter: 37 });
    const error = await failureOf(mail.openChain(USER.id, inbox, since, 50, never));
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ retryAfterMs: 37_000 });
  });

  it.each([
    ['HTML with 200', { kind: 'delta', html: true }],
    ['a body that breaks off', { kind: 'delta', truncateBody: 40 }],
    ['a reset', { kind: 'delta', reset: true }],
    ['503', { kind: 'delta', status: 503, retryAfter: 0 }],
    ['504', { kind: 'delta', status: 504, retryAfter: 0 }],
    ['500', { kind: 'delta', status: 500 }],
  ] satisfies [string, FaultRule][])('takes %s for a failure that passes [F37]', async (_, rule) => {
    const { mail, inbox } = await realMail();
    strike(rule);
    expect(await failureOf(mail.openChain(USER.id, inbox, since, 50, never))).toBeInstanceOf(TransientError);
  });

  it('survives two refusals in a row by itself [F37]', async () => {
    const { mail, inbox, deliver } = await realMail();
    await deliver();
    strike({ kind: 'delta', status: 503, retryAfter: 0, count: 2 });
    expect((await mail.openChain(USER.id, inbox, since, 50, never)).entries).toHaveLength(1);
  });

  it('gets a fresh token when Graph challenges the one it has [F30]', async () => {
    const { mail, inbox } = await realMail();
    await mail.openChain(USER.id, inbox, since, 50, never);
    emulator.control.revokeTokens();
    await expect(mail.openChain(USER.id, inbox, since, 50, never)).resolves.toMatchObject({ count: 0 });
  });

  it('never names a mail by anything but its immutable id [F33, F40]', async () => {
    const { mail, inbox, archive, deliver, move } = await realMail();
    const id = await deliver();
    expect(id).toMatch(/^AAkA/);
    await move(id, archive);
    await move(id, inbox);
    const { entries } = await mail.openChain(USER.id, inbox, since, 50, never);
    expect(entries.map((entry) => (entry.kind === 'mail' ? entry.mail.id : entry.id))).toEqual([id]);
  });

  it('keeps mails apart whose ids differ only by letter case [F41]', async () => {
    const { mail, deliver } = await realMail();
    const ids = [await deliver({ subject: 'one' }), await deliver({ subject: 'two' })];
    expect(new Set(ids.map((id) => id.toLowerCase())).size).toBe(1);
    const subjects = [];
    for (const id of ids) {
      const found = await mail.getMail(USER.id, id, never);
      subjects.push(found === 'gone' ? found : found.subject);
    }
    expect(subjects).toEqual(['one', 'two']);
  });
});
