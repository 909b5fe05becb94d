import * as z from 'zod';

/** One queue and its rules, as `infra/queues.json` declares it for Bicep and for this broker. */
export interface QueueDefinition {
  readonly name: string;
  readonly lockDurationMs: number;
  readonly maxDeliveryCount: number;
  /** Undefined: duplicate detection is off. */
  readonly duplicateWindowMs: number | undefined;
  /** Infinity: messages live until they are taken. */
  readonly defaultTimeToLiveMs: number;
  readonly deadLetterExpired: boolean;
  readonly maxSizeBytes: number;
}

const ISO_DURATION =
  /^P(?:(?<days>\d+(?:\.\d+)?)D)?(?:T(?=\d)(?:(?<hours>\d+(?:\.\d+)?)H)?(?:(?<minutes>\d+(?:\.\d+)?)M)?(?:(?<seconds>\d+(?:\.\d+)?)S)?)?$/;

// Azure writes "for ever" as the largest .NET time span, 10675199 days and some hours.
const FOR_EVER_DAYS = 10_675_199;

const duration = z.string().transform((text, context) => {
  const groups = ISO_DURATION.exec(text)?.groups;
  if (groups === undefined || text === 'P') {
    context.addIssue(`"${text}" is not an ISO 8601 duration of days, hours, minutes and seconds such as PT5M or P14D`);
    return z.NEVER;
  }
  const { days = '0', hours = '0', minutes = '0', seconds = '0' } = groups;
  if (Number(days) >= FOR_EVER_DAYS) return Infinity;
  return Math.round((((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000);
});

const LONGEST_LOCK_MS = 5 * 60_000;
const LONGEST_DUPLICATE_WINDOW_MS = 7 * 24 * 3_600_000;
const SHORTEST_DUPLICATE_WINDOW_MS = 20_000;

const definition = z
  .object({
    name: z.string().regex(/^[A-Za-z0-9](?:[\w./-]*[A-Za-z0-9])?$/, 'is not a queue name Service Bus accepts'),
    properties: z.strictObject({
      lockDuration: duration
        .refine((ms) => ms > 0 && ms <= LONGEST_LOCK_MS, 'Service Bus locks for at most 5 minutes')
        .default(60_000),
      maxDeliveryCount: z.int().min(1).max(2000).default(10),
      requiresDuplicateDetection: z.boolean().default(false),
      duplicateDetectionHistoryTimeWindow: duration
        .refine(
          (ms) => ms >= SHORTEST_DUPLICATE_WINDOW_MS && ms <= LONGEST_DUPLICATE_WINDOW_MS,
          'Service Bus remembers message ids for 20 seconds to 7 days',
        )
        .default(600_000),
      requiresSession: z.literal(false, 'this broker has no sessions').default(false),
      defaultMessageTimeToLive: duration.refine((ms) => ms > 0, 'must be longer than nothing').default(Infinity),
      deadLetteringOnMessageExpiration: z.boolean().default(false),
      maxSizeInMegabytes: z.int().min(1).default(1024),
    }),
  })
  .transform(
    ({ name, properties }): QueueDefinition => ({
      name,
      lockDurationMs: properties.lockDuration,
      maxDeliveryCount: properties.maxDeliveryCount,
      duplicateWindowMs: properties.requiresDuplicateDetection
        ? properties.duplicateDetectionHistoryTimeWindow
        : undefined,
      defaultTimeToLiveMs: properties.defaultMessageTimeToLive,
      deadLetterExpired: properties.deadLetteringOnMessageExpiration,
      maxSizeBytes: properties.maxSizeInMegabytes * 1024 * 1024,
    }),
  );

const definitions = z.array(definition).superRefine((queues, context) => {
  const seen = new Set<string>();
  for (const { name } of queues) {
    if (seen.has(name.toLowerCase())) context.addIssue(`"${name}" is declared twice`);
    seen.add(name.toLowerCase());
  }
});

/**
 * Reads the queue declarations of `infra/queues.json`. Refuses what the service would refuse, what this broker
 * cannot do and what it does not know, with all faults in one message.
 */
export function parseQueueDefinitions(json: unknown): QueueDefinition[] {
  const parsed = definitions.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Error(`The queue declarations are wrong; mend infra/queues.json:\n${z.prettifyError(parsed.error)}`);
}
