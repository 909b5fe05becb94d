import { signClientState } from '../domain/client-state.ts';
import {
  active,
  isMisdirected,
  isRenewalDue,
  isRenewalLate,
  mayPatch,
  mayRenew,
  needsSubscription,
  PATCH_TAKES_MS,
  SHORT_LIFE_MINUTES,
  subscribed,
  inTrouble,
  type WatchedFolder,
} from '../domain/watched-folder.ts';
import { errorCode } from '../errors.ts';
import { log } from '../log.ts';
import type { CreateOutcome, FolderRef, Ports, RenewOutcome } from '../ports.ts';
import type { ClaimFolder } from './claim-folder.ts';

/**
 * `if-late`: only where the timers, which renew twenty at once, seem to fail. `renew`: as soon as the ten-minute rule
 * allows. `verify`: ask Graph whether it is still there.
 */
export type Urgency = 'if-due' | 'if-late' | 'renew' | 'verify';

type Deps = Pick<Ports, 'subscriptions' | 'keys' | 'workQueue'> & {
  tenant: string;
  claims: ClaimFolder;
  /** By the clock of the stored times; Graph's is not known to a process that has just started. */
  now: () => number;
};

/** Mail that came while a subscription was being made may not be notified; a second look catches a lagging delta. */
const SECOND_RING_MS = 180_000;
const ENDPOINT_RETRY_MS = 60_000;
const POLLING_RETRY_MS = 6 * 3_600_000;

/** What a renewal's outcome changes in the row; `undefined`: the subscription is gone, make a new one. */
export function afterRenewal(
  folder: WatchedFolder,
  outcome: RenewOutcome,
  now: number,
): Partial<WatchedFolder> | undefined {
  switch (outcome.kind) {
    case 'renewed':
      return {
        ...subscribed(outcome.subscription.id, outcome.subscription.expiresAt, now),
        // Whether its mail can be read is for the next look to say.
        ...(folder.state === 'suspended' ? {} : active(folder, now)),
      };
    case 'gone':
      return undefined;
    case 'unavailable':
      return inTrouble(folder, outcome.trouble, now);
    case 'failed': {
      const isTooLong = outcome.code === 'ErrorInvalidParameter' || outcome.code === 'ExtensionError';
      // Most often our own endpoint did not answer a handshake in time; the next timer tries again.
      log('warn', 'renewal failed', { mailbox: folder.mailbox, folder: folder.folder, code: outcome.code });
      // Throttled: nothing was done, so the next PATCH needs no distance from this one.
      if (outcome.retryAfterMs !== undefined) return { patchedAt: undefined };
      // Otherwise it may have been done, just before its answer was lost.
      return { patchedAt: new Date(now), ...(isTooLong && { maxMinutes: SHORT_LIFE_MINUTES }) };
    }
  }
}

/**
 * Makes sure that a watched folder has a live subscription: creates a missing one, renews one past half its life,
 * replaces one that was deleted behind our back. Safe to call at any time and from any worker: the row is claimed first.
 */
export function makeEnsureSubscription(deps: Deps) {
  const { subscriptions, keys, workQueue, claims, tenant, now } = deps;

  const signingKey = async () => (keys.current() ?? (await keys.refresh())).signing;

  async function create(folder: WatchedFolder): Promise<Partial<WatchedFolder>> {
    const signing = await signingKey();
    const clientState = signClientState(signing, { tenant, mailbox: folder.mailbox, folder: folder.folder });
    const request = { mailbox: folder.mailbox, folderId: folder.folderId, clientState, minutes: folder.maxMinutes };
    let outcome = await subscriptions.create(request);
    if (outcome.kind === 'exists' && (await removeIfOurs(outcome.id))) outcome = await subscriptions.create(request);
    return settle(folder, outcome, signing.id);
  }

  /** Its key is on its way out, or our address is another one: a PATCH changes neither. A ring covers the moment between. */
  async function replace(folder: WatchedFolder, subscription: string): Promise<Partial<WatchedFolder>> {
    await subscriptions.remove(subscription);
    return recreate(folder);
  }

  /** Makes one in place of one that is gone; if that fails, the row stops naming it, so that the next timer tries again. */
  async function recreate(folder: WatchedFolder): Promise<Partial<WatchedFolder>> {
    try {
      return await create(folder);
    } catch (error) {
      const code = errorCode(error);
      log('warn', 'subscription not replaced', { mailbox: folder.mailbox, folder: folder.folder, code });
      return { subscription: undefined, ...inTrouble(folder, 'no-answer', now(), code) };
    }
  }

  /** A subscription of ours that no row knows: its answer was lost, or its clientState cannot be changed any more. */
  async function removeIfOurs(id: string | undefined): Promise<boolean> {
    if (id === undefined) return false;
    const found = await subscriptions.get(id);
    if (found === 'gone') return true;
    if (!found.ours) return false;
    await subscriptions.remove(id);
    return true;
  }

  async function settle(folder: WatchedFolder, outcome: CreateOutcome, keyId: string): Promise<Partial<WatchedFolder>> {
    const at = new Date(now());
    const trouble = (state: WatchedFolder['state'], reason: string, move: WatchedFolder['move'], waitMs: number) => {
      log('warn', 'no subscription', { mailbox: folder.mailbox, folder: folder.folder, state });
      return {
        subscription: undefined,
        state,
        reason,
        move,
        since: folder.state === state ? folder.since : at,
        probeAt: new Date(at.getTime() + waitMs),
      };
    };
    switch (outcome.kind) {
      case 'created': {
        const ring = { mailbox: folder.mailbox, folders: [folder.folder], ids: [], look: 'created' as const };
        try {
          await workQueue.send([ring]);
          await workQueue.send([ring], { at: new Date(at.getTime() + SECOND_RING_MS) });
        } catch (error) {
          // A subscription that no row knows would be made again each minute; catch-up looks in place of the ring.
          log('warn', 'no ring after a subscription', { mailbox: folder.mailbox, code: errorCode(error) });
        }
        const { id, expiresAt } = outcome.subscription;
        log('info', 'subscription created', { mailbox: folder.mailbox, folder: folder.folder, subscription: id });
        return {
          ...subscribed(id, expiresAt, at.getTime()),
          keyId,
          endpoint: subscriptions.endpoint,
          maxMinutes: outcome.minutes,
          ...active(folder, at.getTime()),
        };
      }
      case 'exists':
        return trouble(
          'polling',
          'another installation already watches this folder with the same app; mail is polled until it stops',
          'administrator',
          POLLING_RETRY_MS,
        );
      case 'quota':
        return trouble(
          'polling',
          'Graph allows no more subscriptions for this mailbox; mail is polled until one is freed',
          'administrator',
          POLLING_RETRY_MS,
        );
      case 'endpoint-refused':
        return trouble(
          'failing',
          'Graph cannot reach PUBLIC_BASE_URL: it must be public HTTPS without sign-in in front; mail is polled meanwhile',
          'operator',
          ENDPOINT_RETRY_MS,
        );
      case 'unavailable':
        return { subscription: undefined, ...inTrouble(folder, outcome.trouble, at.getTime()) };
    }
  }

  const willPatch = (folder: WatchedFolder, urgency: Urgency) => {
    if (urgency === 'renew' || urgency === 'verify')
      return !needsSubscription(folder, now()) && mayPatch(folder, now());
    const isDueNow = mayRenew(folder, now()) && (urgency === 'if-due' || isRenewalLate(folder, now()));
    return isDueNow || isMisdirected(folder, subscriptions.endpoint, now());
  };

  /** `before`: the row as it was before a PATCH was noted in it; without it, none is to be sent. */
  async function ensure(
    folder: WatchedFolder,
    urgency: Urgency,
    before: WatchedFolder | undefined,
  ): Promise<Partial<WatchedFolder>> {
    if (needsSubscription(folder, now()) || folder.subscription === undefined) return create(folder);
    if (urgency === 'verify' && (await subscriptions.get(folder.subscription)) === 'gone') return recreate(folder);
    if (!before) return {};
    const signing = await signingKey();
    if (!claims.holds(folder, PATCH_TAKES_MS)) return { patchedAt: before.patchedAt };
    if (folder.keyId !== signing.id || folder.endpoint !== subscriptions.endpoint)
      return replace(folder, folder.subscription);
    const [outcome] = await subscriptions.renew([{ id: folder.subscription, minutes: folder.maxMinutes }]);
    const changes = outcome && afterRenewal(folder, outcome, now());
    if (!changes) return recreate(folder);
    // Where we have no access it is the probes that try again, ever more slowly.
    return outcome?.kind === 'unavailable' ? { ...changes, renewAt: before.renewAt } : changes;
  }

  const isDue = (folder: WatchedFolder, urgency: Urgency) => {
    if (!folder.wanted || folder.folderId === '') return false;
    if (urgency === 'renew' || urgency === 'verify') return true;
    return needsSubscription(folder, now()) ? folder.probeAt.getTime() <= now() : willPatch(folder, urgency);
  };

  return async (ref: FolderRef, urgency: Urgency): Promise<void> => {
    // Noted with the claim: a worker that dies after a PATCH must not be followed by another within ten minutes. It may
    // reach Graph as late as the claim lasts. Until it is known to be done it stays due, whoever asked for it.
    let before: WatchedFolder | undefined;
    const note = (row: WatchedFolder, claimedUntil: Date) => {
      before = willPatch(row, urgency) ? row : undefined;
      if (!before) return {};
      return { patchedAt: claimedUntil, ...(!isRenewalDue(row, now()) && { renewAt: new Date(now()) }) };
    };
    const folder = await claims.claim(ref, (row) => isDue(row, urgency), note);
    if (!folder) return;
    let changes: Partial<WatchedFolder> = {};
    try {
      changes = await ensure(folder, urgency, before);
    } catch (error) {
      // The next timer tries again; mail is caught up meanwhile.
      const code = errorCode(error);
      log('warn', 'subscription not ensured', { mailbox: ref.mailbox, folder: ref.folder, code });
      if (folder.subscription === undefined) changes = inTrouble(folder, 'no-answer', now(), code);
    }
    await claims.settle(folder, changes);
  };
}

export type EnsureSubscription = ReturnType<typeof makeEnsureSubscription>;
