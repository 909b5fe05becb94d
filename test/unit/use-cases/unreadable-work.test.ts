import { describe, expect, it } from 'vitest';
import { arrived, lookRing, messageIdFor, oneMailbox } from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';
import { passMinutes } from '../../support/passing-time.ts';

const MAIL_EVENT = JSON.stringify({ specversion: '1.0', type: 'com.example.mail.received', id: 'x', data: {} });

describe('a message on the work queue that is no ring', () => {
  it.each([MAIL_EVENT, 'not JSON', '{}', '[]'])(
    'is kept among the dead letters for the operator: %s [F57]',
    async (body) => {
      const { world, app } = oneMailbox({ mailboxes: [MAILBOX] });
      world.workQueue.put(body);
      await passMinutes(world, app, 15);
      expect(world.workQueue.deadLetters()).toEqual([body]);
      expect(world.workQueue.bodies().map((item) => item.body)).not.toContain(body);
    },
  );

  it('does not keep rings from being answered, nor dead rings from ringing again [F57]', async () => {
    const { world, app } = oneMailbox({ mailboxes: [MAILBOX] });
    const mail = world.mailboxes.add(MAILBOX, aMail());
    world.workQueue.put(MAIL_EVENT);
    world.workQueue.bury(JSON.stringify({ v: 1, ...lookRing() }));
    await passMinutes(world, app, 2);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });
});
