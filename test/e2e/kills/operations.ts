// The operations of the app as the emulators see them: what a failpoint is one side of.
import type { ObservedStep } from '../../../local/observed-step.ts';

export type Operation = (step: ObservedStep) => boolean;

const path = (step: ObservedStep) => decodeURIComponent(step.target);
const isHandshake = (step: ObservedStep) => step.target.includes('validationToken=');

const posted = (route: string): Operation => {
  const url = new RegExp(`/api/${route}\\?`);
  return (step) => step.service === 'webhook' && !isHandshake(step) && url.test(step.target);
};
export const notification = posted('notifications');
export const lifecycleNotification = posted('lifecycle-notifications');
export const handshake: Operation = (step) => step.service === 'webhook' && isHandshake(step);

const bus =
  (operation: string, queue: string): Operation =>
  (step) =>
    step.service === 'bus' && step.operation === operation && step.target === queue;
const sentToWork = bus('send', 'mailbox-work');
const isScheduled = (step: ObservedStep) => step.content.includes('x-opt-scheduled-enqueue-time');
const looks = (step: ObservedStep, look: string) => step.content.includes(`"look":"${look}"`);

/** A ring that is to be taken at once; one that a notification caused names no reason to look. */
export const notifiedRing: Operation = (step) =>
  sentToWork(step) && !isScheduled(step) && !/"look":/.test(step.content);
export const ring =
  (look: string): Operation =>
  (step) =>
    sentToWork(step) && !isScheduled(step) && looks(step, look);
/** A ring for later: a guard, the end of a pause, a second look. */
export const ringForLater =
  (look: string): Operation =>
  (step) =>
    sentToWork(step) && isScheduled(step) && looks(step, look);
export const workDelivery = bus('deliver', 'mailbox-work');
export const workComplete = bus('complete', 'mailbox-work');
export const deadDelivery = bus('deliver', 'mailbox-work/$DeadLetterQueue');
export const deadComplete = bus('complete', 'mailbox-work/$DeadLetterQueue');
export const crmSend = bus('send', 'crm-mail');

export const graph =
  (...kinds: string[]): Operation =>
  (step) =>
    step.service === 'graph' && kinds.includes(step.operation);

const table =
  (name: string, ...kinds: string[]): Operation =>
  (step) =>
    step.service === 'table' && kinds.includes(step.operation) && path(step).includes(`/${name}`);
const writes = (step: ObservedStep, column: string) => step.content.includes(`"${column}":`);
const holdsLane = (step: ObservedStep) => /"holder":"[^"]/.test(step.content);
const isLane = (step: ObservedStep) => step.content.includes('"RowKey":"a"');

const laneWrite: Operation = (step) => table('deliveries', 'insert', 'replace')(step) && isLane(step);
export const stateRead = table('deliveries', 'query');
/** The lane is taken, or kept while the worker goes on to the next folder. */
export const laneKept: Operation = (step) => laneWrite(step) && holdsLane(step) && /"marked":false/.test(step.content);
export const laneMarked: Operation = (step) => laneWrite(step) && holdsLane(step) && /"marked":true/.test(step.content);
export const lanePaused: Operation = (step) =>
  laneWrite(step) && !holdsLane(step) && /"marked":true/.test(step.content);
export const takeoverNoted: Operation = (step) => table('deliveries', 'merge')(step) && writes(step, 'takeovers');
/** Ledger rows, link and lane, which stays with the worker. */
export const pageStored: Operation = (step) => step.operation === 'batch' && isLane(step) && holdsLane(step);
/** The same, and the lane is let go. */
export const laneReleased: Operation = (step) => step.operation === 'batch' && isLane(step) && !holdsLane(step);
export const gapStored: Operation = (step) => pageStored(step) && /"gapBy":"[a-z]/.test(step.content);

export const chainBegun: Operation = (step) => table('deliveries', 'insert')(step) && /"RowKey":"c:/.test(step.content);
export const folderListed: Operation = (step) => table('watchedFolders', 'insert')(step) && writes(step, 'folderId');
const folderMerge = table('watchedFolders', 'merge');
export const folderClaimed: Operation = (step) => folderMerge(step) && /"claim":"[^"]/.test(step.content);
export const folderSettled: Operation = (step) => folderMerge(step) && /"claim":""/.test(step.content);
export const folderReported: Operation = (step) => folderMerge(step) && writes(step, 'syncedAt');
export const folderRung: Operation = (step) => folderMerge(step) && writes(step, 'rungAt') && !writes(step, 'wanted');
export const folderMissing: Operation = (step) =>
  folderMerge(step) && writes(step, 'missingSince') && !writes(step, 'wanted');
export const folderStopped: Operation = (step) => folderMerge(step) && /"wanted":false/.test(step.content);
export const chainStopped: Operation = (step) =>
  table('deliveries', 'merge')(step) && /"wanted":false/.test(step.content);

const blob =
  (container: string, ...kinds: string[]): Operation =>
  (step) =>
    step.service === 'blob' && kinds.includes(step.operation) && path(step).includes(`/${container}`);
export const keyRingContainer = blob('key-ring', 'createContainer');
export const keyRing = blob('key-ring/', 'put');
/** A part that leaves the event, stored at once. */
export const contentStored = blob('mail-content/', 'put');
export const blockStored = blob('mail-content/', 'putBlock');
export const blocksJoined = blob('mail-content/', 'putBlockList');
