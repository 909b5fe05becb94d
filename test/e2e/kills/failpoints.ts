// The numbered failpoints: both sides of every operation that the app relies on, each in a scenario that leads there.
import type { ObservedStep } from '../../../local/observed-step.ts';
import * as op from './operations.ts';
import type { ScenarioName } from './scenarios.ts';

export interface Failpoint {
  /** Number of the operation and `a` for before it is applied, `b` for after it and before its answer. */
  id: string;
  what: string;
  side: ObservedStep['side'];
  at: op.Operation;
  /** The nth time. */
  nth: number;
  scenario: ScenarioName;
}

type Point = [id: string, scenario: ScenarioName, what: string, at: op.Operation, nth?: number];

const POINTS: Point[] = [
  ['K01', 'mail', 'notification posted to the webhook', op.notification],
  ['K02', 'mail', 'ring of a notification enqueued', op.notifiedRing],
  ['K03', 'mail', 'ring handed to the worker', op.workDelivery],
  ['K04', 'mail', 'lane, chains and ledger read', op.stateRead],
  ['K05', 'mail', 'lane taken', op.laneKept],
  ['K06', 'mail', 'delta page read', op.graph('delta')],
  ['K07', 'mail', 'mail event sent to the CRM queue', op.crmSend],
  ['K08', 'mail', 'last page stored, lane released', op.laneReleased],
  ['K09', 'mail', 'ring completed', op.workComplete],
  ['K10', 'pages', 'first page stored, more to come', op.pageStored],
  ['K11', 'pages', 'second delta page read', op.graph('delta'), 2],
  ['K12', 'pages', 'second page sent to the CRM queue', op.crmSend, 2],
  ['K13', 'content', 'raw mail read', op.graph('mime')],
  ['K14', 'content', 'attachment read', op.graph('attachment')],
  ['K15', 'content', 'body stored as a blob', op.contentStored],
  ['K16', 'content', 'block of an attachment stored', op.blockStored, 2],
  ['K17', 'content', 'blocks of an attachment joined', op.blocksJoined],
  ['K18', 'folders', 'lease extended on the way to the next folder', op.laneKept, 2],
  ['K19', 'laggingDelta', 'mail read by its id', op.graph('message')],
  ['K20', 'lostChain', 'gap stored before the new chain', op.gapStored],
  ['K21', 'lostChain', 'gap listed', op.graph('messageList')],
  ['K22', 'heldLane', 'guard ring sent', op.ringForLater('again')],
  ['K23', 'heldLane', 'held lane marked', op.laneMarked],
  ['K24', 'takeover', 'takeover of an abandoned lane noted', op.takeoverNoted],
  ['K25', 'pause', 'ring for the end of a pause sent', op.ringForLater('again')],
  ['K26', 'pause', 'pause written', op.lanePaused],
  ['K27', 'start', 'container of the key ring made', op.keyRingContainer],
  ['K28', 'start', 'key ring stored', op.keyRing],
  ['K29', 'start', 'chain begun', op.chainBegun],
  ['K30', 'start', 'watched folder listed', op.folderListed],
  ['K31', 'start', 'folder claimed for its first subscription', op.folderClaimed],
  ['K32', 'start', 'handshake asked by Graph', op.handshake],
  ['K33', 'resubscribe', 'subscription created', op.graph('subscriptionCreate')],
  ['K34', 'resubscribe', 'ring after the creation sent', op.ring('created')],
  ['K35', 'resubscribe', 'second ring after the creation sent', op.ringForLater('created')],
  ['K36', 'resubscribe', 'new subscription stored in its row', op.folderSettled],
  ['K37', 'lostCreation', 'subscription that no row knows deleted', op.graph('subscriptionDelete')],
  ['K38', 'renewal', 'folder claimed for its renewal', op.folderClaimed],
  ['K39', 'renewal', 'subscription renewed in a batch', op.graph('subscriptionRenew')],
  ['K40', 'renewal', 'renewal stored in its row', op.folderSettled],
  ['K41', 'catchUp', 'catch-up rings sent', op.ring('timer')],
  ['K42', 'catchUp', 'catch-up noted', op.folderRung],
  ['K43', 'catchUp', 'look reported', op.folderReported],
  ['K44', 'removal', 'mailbox first seen missing', op.folderMissing],
  ['K45', 'removal', 'chain of a removed mailbox stopped', op.chainStopped],
  ['K46', 'removal', 'row of a removed mailbox stopped', op.folderStopped],
  ['K47', 'removal', 'subscription of a removed mailbox deleted', op.graph('subscriptionDelete')],
  ['K48', 'deadLetter', 'dead letter fetched', op.deadDelivery],
  ['K49', 'deadLetter', 'ring of a dead letter sent anew', op.ring('again')],
  ['K50', 'deadLetter', 'dead letter completed', op.deadComplete],
  // No ring names these mails: what the link passes over is gone.
  ['K51', 'catchUp', 'mail that only delta shows sent to the CRM queue', op.crmSend],
  ['K52', 'catchUp', 'page that only delta shows stored', op.pageStored],
];

const SIDES = [
  ['a', 'before'],
  ['b', 'after'],
] as const;

export const failpoints: readonly Failpoint[] = POINTS.flatMap(([number, scenario, what, at, nth = 1]) =>
  SIDES.map(([letter, side]) => ({ id: `${number}${letter}`, what, side, at, nth, scenario })),
);

/** The failpoints with these ids; a number alone means both its sides. */
export function failpointsNamed(ids: readonly string[]): Failpoint[] {
  return ids.flatMap((id) => {
    const named = failpoints.filter((point) => point.id === id || point.id.slice(0, -1) === id);
    if (named.length === 0) throw new Error(`There is no failpoint "${id}": they are K01 to ${POINTS.at(-1)?.[0]}.`);
    return named;
  });
}

export const matches = (point: Failpoint, step: ObservedStep): boolean => point.side === step.side && point.at(step);

/** The first failpoint that a step is a case of, if any. */
export const failpointOf = (step: ObservedStep): Failpoint | undefined =>
  failpoints.find((point) => matches(point, step));
