import { describe, expect, it } from 'vitest';
import type { Attachment } from '../../../shared/domain/mail.ts';
import { mailEventSchema } from '../../../shared/domain/mail-event.ts';
import { arrived, messageIdFor, oneMailbox, ringFor, ringUp } from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';

const anAttachment = (changes: Partial<Attachment> = {}): Attachment => ({
  id: 'a1',
  name: 'offer.pdf',
  contentType: 'application/pdf',
  size: 9,
  isInline: false,
  kind: 'file',
  ...changes,
});

describe('the attachments of a mail', () => {
  it('are stored one by one, each named by its event', async () => {
    const { world, app } = oneMailbox({ includeAttachments: true });
    const attachments = [anAttachment({ id: 'a1' }), anAttachment({ id: 'a2', kind: 'item', name: 'Re: offer' })];
    const mail = world.mailboxes.add(MAILBOX, aMail({ attachments }));
    await ringUp(app, ringFor(mail));
    const event = mailEventSchema.parse(JSON.parse(world.crmQueue.events[0]?.body ?? ''));
    const stored = event.data.message?.attachments.map(({ claimCheck }) =>
      world.blobs.blobs.get(claimCheck?.blob ?? ''),
    );
    expect(stored?.map((blob) => blob?.content.toString())).toEqual([
      `a1 of ${MAILBOX} ${mail.id}`,
      `a2 of ${MAILBOX} ${mail.id}`,
    ]);
  });

  it('that are links to the cloud have no content to be asked for, and hold up no mail [F83]', async () => {
    const { world, app } = oneMailbox({ includeAttachments: true });
    const mail = world.mailboxes.add(MAILBOX, aMail({ attachments: [anAttachment({ kind: 'reference' })] }));
    await ringUp(app, ringFor(mail));
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    expect(app.gate.count('mail.openAttachment')).toBe(0);
    expect(world.blobs.blobs.size).toBe(0);
  });

  it.each(['../../other/secret', '..\\x', 'a/b', '%2e%2e%2f', 'x\r\nSet-Cookie: y', '\u0000', '.', ''])(
    'never name their blob: %j [T15]',
    async (name) => {
      const { world, app } = oneMailbox({ includeAttachments: true });
      const mail = world.mailboxes.add(MAILBOX, aMail({ attachments: [anAttachment({ name })] }));
      await ringUp(app, ringFor(mail));
      const [blob = ''] = world.blobs.blobs.keys();
      expect(blob).toMatch(new RegExp(`^${MAILBOX}/d-\\d{13}-[\\w-]{22}/attachment-0$`));
    },
  );
});
