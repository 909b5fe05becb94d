import { describe, expect, it } from 'vitest';
import { arrived, lookRing, messageIdFor, oneMailbox, rowOf, startApp } from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';
import type { World } from '../../support/in-memory-ports.ts';
import { START } from '../../support/in-memory-ports.ts';

const HOUR_MS = 3_600_000;

/** One delivery of the next ring to a new process that dies as soon as it publishes the victim. */
async function deliverNext(world: World, victim: string, sizes: number[]): Promise<boolean> {
  const next = world.workQueue.nextAt() ?? 0;
  await world.clock.advance(Math.max(0, next - world.clock.now()));
  const received = world.workQueue.receive();
  if (!received) {
    for (const body of world.workQueue.dead(9)) world.workQueue.put(body);
    world.workQueue.forgetDead(9);
    return false;
  }
  const app = startApp(world);
  const { crmQueue, mail } = app.ports;
  const { publish } = crmQueue;
  crmQueue.publish = (events) => {
    if (events.some(({ messageId }) => messageId === victim)) app.gate.crash();
    return publish(events);
  };
  const { listSince } = mail;
  mail.listSince = (mailbox, folderId, gap, size, signal) => {
    sizes.push(size);
    return listSince(mailbox, folderId, gap, size, signal);
  };
  const done = app.processMailboxWork(received.body).then(() => world.workQueue.complete(received.number));
  await Promise.race([done, app.gate.crashed]);
  return app.gate.isCrashed;
}

describe('a mail on which workers die while the gap of a lost chain is listed', () => {
  it('is parked at last while all others arrive [F57]', async () => {
    const { world } = oneMailbox();
    // Received long enough ago that the new chain does not show them: only the listing does.
    const early = new Date(START - 10 * HOUR_MS);
    const mails = Array.from({ length: 30 }, () => world.mailboxes.add(MAILBOX, aMail({ receivedAt: early })));
    const deadly = mails[17];
    if (!deadly) throw new Error('no mail');
    const chains = world.deliveries.of(MAILBOX).chains;
    for (const [folder, chain] of chains)
      chains.set(folder, {
        ...chain,
        gap: { by: 'receivedDateTime', from: early, skip: 0, start: early },
      });
    world.workQueue.put(JSON.stringify({ v: 1, ...lookRing() }));
    const sizes: number[] = [];
    let crashes = 0;
    for (let turn = 0; turn < 60 && world.workQueue.length > 0; turn++)
      if (await deliverNext(world, messageIdFor(deadly), sizes)) crashes++;
    expect(sizes).toContain(1);
    expect(arrived(world).toSorted()).toEqual(
      mails
        .filter((mail) => mail !== deadly)
        .map((mail) => messageIdFor(mail))
        .toSorted(),
    );
    expect(rowOf(world, deadly)).toMatchObject({ state: 'parked', reason: 'workers die on it' });
    expect(crashes).toBeLessThanOrEqual(8);
  });
});
