import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_EVENT_BYTES } from '../../shared/domain/mail-event.ts';
import type { CrmQueue, OutgoingEvent } from '../../shared/ports.ts';

export interface CrmQueueUnderTest {
  queue: CrmQueue;
  /** What a consumer would get. */
  received(): { messageId: string; body: string }[];
}

let numbers = 0;
const anEvent = (body = '{}'): OutgoingEvent => ({ messageId: `message-${++numbers}`, body });

/** Every CRM queue, fake or real, does this. */
export function crmQueueContract(name: string, make: () => Promise<CrmQueueUnderTest>): void {
  describe(`CRM queue: ${name}`, () => {
    let crm: CrmQueueUnderTest;
    beforeEach(async () => {
      crm = await make();
    });

    it('brings every event of a send, in order', async () => {
      const events = [anEvent('{"a":1}'), anEvent('{"b":"grüße 🎄"}')];
      await crm.queue.publish(events);
      expect(crm.received()).toEqual(events);
    });

    it('drops an event whose MessageId was sent before [F01, F55]', async () => {
      const event = anEvent();
      await crm.queue.publish([event]);
      await crm.queue.publish([event, anEvent()]);
      expect(crm.received().filter(({ messageId }) => messageId === event.messageId)).toHaveLength(1);
      expect(crm.received()).toHaveLength(2);
    });

    it('takes a page of events that together exceed one message', async () => {
      const events = Array.from({ length: 8 }, () => anEvent(JSON.stringify('x'.repeat(100_000))));
      await crm.queue.publish(events);
      expect(crm.received().map(({ messageId }) => messageId)).toEqual(events.map(({ messageId }) => messageId));
    });

    it('takes an event of the largest size that mail events have [F54]', async () => {
      const event = anEvent(JSON.stringify('x'.repeat(MAX_EVENT_BYTES - 2)));
      await crm.queue.publish([event]);
      expect(crm.received()).toEqual([event]);
    });

    it('takes several events of the largest size [F54]', async () => {
      const events = Array.from({ length: 3 }, () => anEvent(JSON.stringify('x'.repeat(MAX_EVENT_BYTES - 2))));
      await crm.queue.publish(events);
      expect(crm.received()).toHaveLength(3);
    });

    it('sends nothing for no events', async () => {
      await crm.queue.publish([]);
      expect(crm.received()).toEqual([]);
    });
  });
}
