import { describe, expect, it } from 'vitest';
import { mailEventSchema } from '../../../shared/domain/mail-event.ts';
import {
  arrived,
  messageIdFor,
  oneMailbox,
  ringFor,
  ringUp,
  runRings,
  startApp,
} from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';

const large = { contentType: 'text', content: 'x'.repeat(300_000) } as const;

describe('a mail whose body goes into a blob', () => {
  it('is on the queue only once the blob is stored [F68]', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail({ body: large }));
    app.gate.inject({ call: 'claims.put', kind: 'error', nth: 1 });
    await ringUp(app, ringFor(mail));
    expect(world.crmQueue.events).toEqual([]);
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    const event = mailEventSchema.parse(JSON.parse(world.crmQueue.events[0]?.body ?? ''));
    const body = event.data.message?.body;
    const blob = body && 'claimCheck' in body ? body.claimCheck.blob : '';
    expect(world.blobs.blobs.get(blob)?.content.toString()).toBe(large.content);
  });

  it.each(['before', 'after'] as const)(
    'is not sent by a worker that dies %s storing the blob, but by the next',
    async (when) => {
      const { world, app } = oneMailbox();
      const mail = world.mailboxes.add(MAILBOX, aMail({ body: large }));
      app.gate.inject({ call: 'claims.put', kind: 'crash', nth: 1, when });
      void ringUp(app, ringFor(mail));
      await app.gate.crashed;
      await world.clock.advance(120_000);
      expect(app.gate.count('crmQueue.publish')).toBe(0);
      const next = startApp(world);
      await ringUp(next, ringFor(mail));
      expect(arrived(world)).toEqual([messageIdFor(mail)]);
      expect(world.blobs.blobs.size).toBe(1);
    },
  );
});
