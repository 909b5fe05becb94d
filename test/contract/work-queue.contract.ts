import { beforeEach, describe, expect, it } from 'vitest';
import type { Ring } from '../../shared/domain/work-item.ts';
import { TransientError } from '../../shared/errors.ts';
import type { WorkQueue } from '../../shared/ports.ts';

/** What a suite needs to look behind the port. */
export interface WorkQueueUnderTest {
  queue: WorkQueue;
  /** Bodies that could be received now. */
  ready(): string[];
  /** Delivery times of what is scheduled. */
  scheduledFor(): Promise<number[]>;
  /** Puts a body among the dead letters. */
  bury(body: string): Promise<void>;
  deadLetters(): number;
  now(): number;
}

const MAILBOX = '0a0a0a0a-1111-4222-8333-444444444444';
const aRing = (changes: Partial<Ring> = {}): Ring => ({
  mailbox: MAILBOX,
  folders: ['f1'],
  ids: ['AAkA='],
  ...changes,
});

/** Every work queue, fake or real, does this. */
export function workQueueContract(name: string, make: () => Promise<WorkQueueUnderTest>): void {
  describe(`work queue: ${name}`, () => {
    let bus: WorkQueueUnderTest;
    beforeEach(async () => {
      bus = await make();
    });

    it('delivers every ring of a send', async () => {
      await bus.queue.send([aRing(), aRing({ ids: [], look: 'timer' })]);
      const bodies = bus.ready().map((body): unknown => JSON.parse(body));
      expect(bodies).toEqual([
        { v: 1, ...aRing() },
        { v: 1, ...aRing({ ids: [], look: 'timer' }) },
      ]);
    });

    it('keeps equal rings: a repeat is wanted here', async () => {
      await bus.queue.send([aRing()]);
      await bus.queue.send([aRing()]);
      expect(bus.ready()).toHaveLength(2);
    });

    it('holds a ring back until the time it is sent for', async () => {
      const at = new Date(bus.now() + 60_000);
      await bus.queue.send([aRing()], { at });
      expect(bus.ready()).toEqual([]);
      expect(await bus.scheduledFor()).toEqual([at.getTime()]);
    });

    it('takes more rings at once than fit one message [F07]', async () => {
      const ids = Array.from({ length: 500 }, (_, index) =>
        `AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A${index}`.padEnd(150, 'x'),
      );
      await bus.queue.send(Array.from({ length: 6 }, (_, index) => aRing({ ids, folders: [`f${index}`] })));
      expect(bus.ready()).toHaveLength(6);
    });

    it('sends nothing for no rings', async () => {
      await bus.queue.send([]);
      expect(bus.ready()).toEqual([]);
    });

    it('gives up with TransientError when the signal has aborted [F09]', async () => {
      await expect(bus.queue.send([aRing()], { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(TransientError);
    });

    it('hands dead letters over before they are gone [F58]', async () => {
      await bus.bury(JSON.stringify({ v: 1, ...aRing() }));
      let thereWhileKept = 0;
      const kept: Ring[] = [];
      const drained = await bus.queue.drainDeadLetters(10, (rings) => {
        thereWhileKept = bus.deadLetters();
        kept.push(...rings);
        return Promise.resolve();
      });
      expect({ drained, thereWhileKept, kept, left: bus.deadLetters() }).toEqual({
        drained: 1,
        thereWhileKept: 1,
        kept: [aRing()],
        left: 0,
      });
    });

    it('keeps the dead letters that could not be kept elsewhere [F58]', async () => {
      await bus.bury(JSON.stringify({ v: 1, ...aRing() }));
      await expect(
        bus.queue.drainDeadLetters(10, () => Promise.reject(new TransientError('not kept'))),
      ).rejects.toBeInstanceOf(TransientError);
      expect(bus.deadLetters()).toBe(1);
    });

    it('takes no more dead letters than asked for', async () => {
      for (let number = 0; number < 5; number++) await bus.bury(JSON.stringify({ v: 1, ...aRing() }));
      const drained = await bus.queue.drainDeadLetters(3, () => Promise.resolve());
      expect({ drained, left: bus.deadLetters() }).toEqual({ drained: 3, left: 2 });
    });

    it('leaves dead letters that nobody can read to the operator [F57]', async () => {
      await bus.bury('not json at all');
      const kept: Ring[] = [];
      await bus.queue.drainDeadLetters(10, (rings) => {
        kept.push(...rings);
        return Promise.resolve();
      });
      expect({ kept, left: bus.deadLetters() }).toEqual({ kept: [], left: 1 });
    });

    it('finds the rings behind any number of dead letters that nobody can read [F59]', async () => {
      for (let number = 0; number < 25; number++) await bus.bury(`not json ${number}`);
      await bus.bury(JSON.stringify({ v: 1, ...aRing() }));
      for (const left of [25, 25]) {
        await bus.queue.drainDeadLetters(10, () => Promise.resolve());
        expect(bus.deadLetters()).toBe(left);
      }
    });

    it('finds nothing among no dead letters', async () => {
      let asked = false;
      const drained = await bus.queue.drainDeadLetters(10, () => {
        asked = true;
        return Promise.resolve();
      });
      expect({ drained, asked }).toEqual({ drained: 0, asked: false });
    });
  });
}
