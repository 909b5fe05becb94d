/** Everything about the emulator that a test may turn; the defaults are the documented behaviour of the service. */
import * as z from 'zod';

const minute = 60_000;
const hour = 60 * minute;
const share = z.number().min(0).max(1);
const milliseconds = z.number().min(0);

export const graphKnobs = z.strictObject({
  /** Seed of everything left to chance (applied by reset and when it is set). */
  seed: z.number().int(),
  /** Real time that each request takes, by kind; `all` for the kinds not named. */
  latencyMs: z.record(z.string(), milliseconds),
  tokenLifetimeSeconds: z.number().int().min(1),
  managedIdentityTokenLifetimeSeconds: z.number().int().min(1),
  throttling: z.boolean(),
  mailboxConcurrency: z.number().int().min(1),
  mailboxRequestsPer10Minutes: z.number().int().min(1),
  concurrencyRetryAfterSeconds: z.number().min(0),
  subscriptionListsPer20Seconds: z.number().int().min(1),
  subscriptionReadsPer20Seconds: z.number().int().min(1),
  subscriptionWritesPer20Seconds: z.number().int().min(1),
  reauthorizationsPer20Seconds: z.number().int().min(1),
  batchParallelism: z.number().int().min(1),

  defaultPageSize: z.number().int().min(1),
  deltaPageSize: z.number().int().min(1),
  directoryPageSize: z.number().int().min(1),
  subscriptionPageSize: z.number().int().min(1),

  deltaLagMs: milliseconds,
  deltaFilterCap: z.number().int().min(1),
  deltaReplayShare: share,
  deltaEmptyPageShare: share,
  deltaTokenLifetimeMs: milliseconds.nullable(),
  deltaGoneCode: z.enum(['SyncStateNotFound', 'resyncRequired']),
  deltaPartialUpdates: z.boolean(),
  deltaOmittedProperties: z.array(z.string()),
  deltaRefusedOptions: z.array(z.enum(['$select', '$expand', '$filter', '$orderby', '$top', 'changetype'])),
  deltaAvailable: z.boolean(),

  subscriptionMinimumMinutes: z.number().min(0),
  subscriptionMaximumMinutes: z.number().min(1),
  subscriptionsPerMailbox: z.number().int().min(1),
  validateOnRenew: z.boolean(),
  handshakeTimeoutMs: milliseconds,

  notificationBatchSize: z.number().int().min(1),
  notificationIntervalMs: milliseconds,
  notificationFirstTimeoutMs: milliseconds,
  notificationRetryTimeoutMs: milliseconds,
  notificationRetryFirstMs: milliseconds,
  notificationRetryWindowMs: milliseconds,
  endpointMinimumSamples: z.number().int().min(1),
  endpointSlowMs: milliseconds,
  endpointSlowShare: share,
  endpointDropMs: milliseconds,
  endpointDropShare: share,
  endpointWindowMs: milliseconds,
  missedAfterDrop: z.boolean(),
  reauthorizeBeforeExpiryMs: milliseconds,
  reauthorizationGraceMs: milliseconds,
});

export type GraphKnobs = z.infer<typeof graphKnobs>;

/** The documented behaviour, with no chance in it and no latency. */
export function defaultKnobs(): GraphKnobs {
  return {
    seed: 1,
    latencyMs: {},
    tokenLifetimeSeconds: 3_599,
    managedIdentityTokenLifetimeSeconds: 86_400,
    throttling: true,
    mailboxConcurrency: 4,
    mailboxRequestsPer10Minutes: 10_000,
    concurrencyRetryAfterSeconds: 1.284,
    subscriptionListsPer20Seconds: 25,
    subscriptionReadsPer20Seconds: 500,
    subscriptionWritesPer20Seconds: 500,
    reauthorizationsPer20Seconds: 1_000,
    batchParallelism: 4,

    defaultPageSize: 10,
    deltaPageSize: 10,
    directoryPageSize: 100,
    subscriptionPageSize: 100,

    deltaLagMs: 0,
    deltaFilterCap: 5_000,
    deltaReplayShare: 0,
    deltaEmptyPageShare: 0,
    deltaTokenLifetimeMs: null,
    deltaGoneCode: 'SyncStateNotFound',
    deltaPartialUpdates: false,
    deltaOmittedProperties: [],
    deltaRefusedOptions: [],
    deltaAvailable: true,

    subscriptionMinimumMinutes: 45,
    subscriptionMaximumMinutes: 10_080,
    subscriptionsPerMailbox: 1_000,
    validateOnRenew: false,
    handshakeTimeoutMs: 10_000,

    notificationBatchSize: 20,
    notificationIntervalMs: 1_000,
    notificationFirstTimeoutMs: 3_000,
    notificationRetryTimeoutMs: 10_000,
    notificationRetryFirstMs: 10_000,
    notificationRetryWindowMs: 4 * hour,
    endpointMinimumSamples: 100,
    endpointSlowMs: 3_000,
    endpointSlowShare: 0.1,
    endpointDropMs: 10_000,
    endpointDropShare: 0.15,
    endpointWindowMs: 10 * minute,
    missedAfterDrop: true,
    reauthorizeBeforeExpiryMs: hour,
    reauthorizationGraceMs: 6 * hour,
  };
}
