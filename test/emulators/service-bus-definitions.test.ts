import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseQueueDefinitions } from '../../local/service-bus/broker.ts';

const one = (properties: object): unknown => [{ name: 'queue', properties }];

describe('the queue declarations of the local Service Bus broker', () => {
  it('are those of the infrastructure', () => {
    const declared: unknown = JSON.parse(readFileSync(new URL('../../infra/queues.json', import.meta.url), 'utf8'));
    expect(parseQueueDefinitions(declared)).toEqual([
      {
        name: 'mailbox-work',
        lockDurationMs: 120_000,
        maxDeliveryCount: 10,
        duplicateWindowMs: undefined,
        defaultTimeToLiveMs: 14 * 86_400_000,
        deadLetterExpired: true,
        maxSizeBytes: 5120 * 1024 * 1024,
      },
      {
        name: 'crm-mail',
        lockDurationMs: 300_000,
        maxDeliveryCount: 10,
        duplicateWindowMs: 7 * 86_400_000,
        defaultTimeToLiveMs: 14 * 86_400_000,
        deadLetterExpired: true,
        maxSizeBytes: 5120 * 1024 * 1024,
      },
    ]);
  });

  it.each([
    ['P1DT2H3M4.5S', 93_784_500],
    ['PT20S', 20_000],
    ['P10675199DT2H48M5.4775807S', Infinity],
  ])('read %s as a time to live of %d ms', (defaultMessageTimeToLive, milliseconds) => {
    expect(parseQueueDefinitions(one({ defaultMessageTimeToLive }))[0]?.defaultTimeToLiveMs).toBe(milliseconds);
  });

  it.each([
    [{ lockDuration: 'PT6M' }, 'at most 5 minutes'],
    [{ lockDuration: '5 minutes' }, 'not an ISO 8601 duration'],
    [{ lockDuration: 'P' }, 'not an ISO 8601 duration'],
    [{ duplicateDetectionHistoryTimeWindow: 'P8D' }, '20 seconds to 7 days'],
    [{ requiresSession: true }, 'no sessions'],
    [{ forwardTo: 'other' }, 'forwardTo'],
    [{ maxDeliveryCount: 0 }, 'maxDeliveryCount'],
  ])('are refused with %j', (properties, sentence) => {
    expect(() => parseQueueDefinitions(one(properties))).toThrow(sentence);
  });

  it('are refused when a name comes twice', () => {
    const twice = ['queue', 'Queue'].map((name) => ({ name, properties: {} }));
    expect(() => parseQueueDefinitions(twice)).toThrow('declared twice');
  });
});
