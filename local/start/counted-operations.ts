// What the app has caused so far, by the emulators' own counts.
import type { Environment } from './environment.ts';
import type { Operations } from './summary.ts';

const WORK_QUEUE = 'mailbox-work';
const CRM_QUEUE = 'crm-mail';

/**
 * Operations of the app since the start. Graph: requests that read mail, each part of a batch counted; setting up,
 * renewal and tokens apart. Service Bus: everything on the work queue, and sends to the CRM; what the CRM itself does
 * is left out.
 */
export function countedOperations({ graph, serviceBus, storage }: Environment): Operations & { sends: number } {
  const { queues } = serviceBus.counters();
  const work = queues[WORK_QUEUE]?.operations ?? 0;
  const deadWork = queues[`${WORK_QUEUE}/$DeadLetterQueue`]?.operations ?? 0;
  const { tableCalls, blobCalls } = storage.counters();
  return {
    graphRequests: graph.counters().mailRequests,
    busOperations: work + deadWork + (queues[CRM_QUEUE]?.sendOperations ?? 0),
    tableCalls,
    blobCalls,
    sends: queues[CRM_QUEUE]?.messagesSent ?? 0,
  };
}

/** True when no notification is on its way and no work is waiting or being done; work scheduled for later does not count. */
export function isIdle({ graph, serviceBus }: Environment): boolean {
  const { active, locked } = serviceBus.queueState(WORK_QUEUE);
  return active === 0 && locked === 0 && graph.control.notificationsIdle();
}
