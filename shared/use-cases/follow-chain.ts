import {
  type Chain,
  type Gap,
  isCrowded,
  needsReopening,
  openFrom,
  pageSize,
  reopened,
  SET_ASIDE_AT_TAKEOVERS,
} from '../domain/delta.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { PageEntry } from '../domain/mail.ts';
import { errorCode } from '../errors.ts';
import { log } from '../log.ts';
import type { DeltaAnswer, Ports } from '../ports.ts';
import type { HeldLane } from './hold-lane.ts';
import type { PageContext, PublishedPage, PublishPage } from './publish-page.ts';

export interface Walk {
  context: PageContext;
  lane: HeldLane;
  /** Told of every entry that Graph showed. */
  seen(id: string): void;
  /** Sends for mails that were shown but are not there yet, before the link moves on. */
  askAgain(missing: PublishedPage['missing']): Promise<void>;
  /** Told of what was stored, so that later pages know it. */
  stored(page: PublishedPage): void;
  /** Time for others: stop after the current page. */
  isOver(): boolean;
  /** Nothing else is left to do for this mailbox once this chain has its delta link. */
  mayLetGo(): boolean;
}

export interface WalkEnd {
  chain: Chain;
  /** `false`: the slice was over first. */
  finished: boolean;
  released: boolean;
}

type Deps = Pick<Ports, 'mail'> & { publishPage: PublishPage };

const idOf = (entry: PageEntry) => (entry.kind === 'mail' ? entry.mail.id : entry.id);

/** Pages stay small until as many mails went well as fit a full page: the deadly one may be among them. */
const afterCalm = (chain: Chain, calm: number): number => (calm >= pageSize(0) ? 0 : chain.takeovers);

/** A page with too many bytes is asked for smaller, like one that took a worker down. */
const orSmaller =
  (chain: Chain) =>
  (error: unknown): 'too-large' => {
    if (errorCode(error) === 'graph:answer-too-large' && pageSize(chain.takeovers) > 1) return 'too-large';
    throw error;
  };

const moved = (chain: Chain) => ({
  link: chain.link,
  options: chain.options,
  results: chain.results,
  linkAt: chain.linkAt,
  gap: chain.gap,
  window: chain.window,
  takeovers: chain.takeovers,
});

/**
 * Walks a delta chain up to its delta link, page by page, each page published before its link is stored, and then lists
 * the gap that a lost chain left. Every page costs one transaction and can be repeated after a crash.
 */
export function makeFollowChain({ mail, publishPage }: Deps) {
  /**
   * Publishes a page; `first` is the one that a worker may have died on. A mail that takes down one worker after the
   * other is parked unseen, so that the rest of the mailbox goes on.
   */
  async function handle(entries: PageEntry[], chain: Chain, walk: Walk, first: boolean): Promise<Delivery[]> {
    const deadly = first && chain.takeovers >= SET_ASIDE_AT_TAKEOVERS && entries.length === 1;
    const page = await publishPage(entries, { ...walk.context, setAside: deadly });
    walk.stored(page);
    await walk.askAgain(page.missing);
    return page.deliveries;
  }

  async function ask(
    chain: Chain,
    mailbox: string,
    signal: AbortSignal,
  ): Promise<DeltaAnswer | (DeltaAnswer & { options: string }) | 'expired'> {
    const size = pageSize(chain.takeovers);
    if (chain.link) return mail.followLink(chain.link, size, signal);
    return mail.openChain(mailbox, chain.folderId, openFrom(chain, mail.clock.now()), size, signal);
  }

  async function reopen(chain: Chain, walk: Walk, crowded: boolean): Promise<Chain> {
    const next = reopened(chain, crowded);
    log('warn', 'delta chain re-opened', { mailbox: walk.context.mailbox, folder: chain.folder, count: chain.results });
    // The gap is stored before the new chain is opened: a crash in between must not forget it.
    await walk.lane.record({ deliveries: [], chain: { folder: chain.folder, changes: moved(next) } }, false);
    return next;
  }

  /** `insteadOfDelta`: nothing else brings this mail, so the next listing starts where this one ends. */
  async function listGap(start: Chain, gap: Gap, walk: Walk, insteadOfDelta = false): Promise<WalkEnd> {
    let chain: Chain = { ...start, gap };
    let calm = 0;
    while (chain.gap) {
      const { context, lane } = walk;
      const page = await mail
        .listSince(context.mailbox, chain.folderId, chain.gap, pageSize(chain.takeovers), lane.signal)
        .catch(orSmaller(chain));
      if (page === 'too-large') {
        chain = { ...chain, takeovers: chain.takeovers + 1 };
        continue;
      }
      const deliveries = await handle(page.entries, chain, walk, calm === 0);
      calm += Math.max(page.count, 1);
      const takeovers = afterCalm(chain, calm);
      const { by, start: begin } = chain.gap;
      if (page.more) chain = { ...chain, takeovers, gap: { by, from: page.from, skip: page.skip, start: begin } };
      else if (by === 'lastModifiedDateTime')
        chain = { ...chain, takeovers, gap: { by: 'receivedDateTime', from: begin, skip: 0, start: begin } };
      else {
        const linkAt = insteadOfDelta ? new Date(mail.clock.now()) : chain.linkAt;
        chain = { ...chain, takeovers: 0, gap: undefined, linkAt };
      }
      const letGo = !chain.gap && walk.mayLetGo();
      const { released } = await lane.record(
        { deliveries, chain: { folder: chain.folder, changes: moved(chain) } },
        letGo,
      );
      if (released) return { chain, finished: true, released };
      if (chain.gap && walk.isOver()) return { chain, finished: false, released: false };
    }
    return { chain, finished: true, released: false };
  }

  return async (start: Chain, walk: Walk): Promise<WalkEnd> => {
    let chain = start;
    if (!mail.hasDelta) {
      const window = reopened(chain, false).gap;
      return window ? listGap(chain, chain.gap ?? window, walk, true) : { chain, finished: true, released: false };
    }
    if (needsReopening(chain, mail.isCurrent)) chain = await reopen(chain, walk, false);
    let lost = 0;
    let calm = 0;
    let empty = 0;
    const asked = new Set<string>();
    for (;;) {
      if (chain.link) asked.add(chain.link);
      else asked.clear();
      const answer = await ask(chain, walk.context.mailbox, walk.lane.signal).catch(orSmaller(chain));
      if (answer === 'too-large') {
        chain = { ...chain, takeovers: chain.takeovers + 1 };
        continue;
      }
      // Pages that lead in a circle, or nowhere, would be read for ever; a new chain and the gap listing see the same mail.
      if (
        answer === 'expired' ||
        (answer.next.kind === 'next' && (asked.has(answer.next.link) || empty >= MAX_EMPTY))
      ) {
        chain = await reopen(chain, walk, false);
        // A listing that was under way goes on, or one of many slices would never end.
        const gap = start.gap ?? chain.gap;
        if (++lost > MAX_LOST && gap) {
          log('error', 'delta unusable, mail is listed instead', {
            mailbox: walk.context.mailbox,
            folder: chain.folder,
          });
          return listGap(chain, gap, walk, true);
        }
        empty = 0;
        continue;
      }
      empty = answer.count === 0 ? empty + 1 : 0;
      for (const entry of answer.entries) {
        const id = idOf(entry);
        if (id) walk.seen(id);
      }
      const askedAt = new Date(mail.clock.now());
      const deliveries = await handle(answer.entries, chain, walk, calm === 0);
      calm += Math.max(answer.count, 1);
      const atEnd = answer.next.kind === 'delta';
      chain = {
        ...chain,
        link: answer.next.link,
        options: 'options' in answer ? answer.options : chain.options,
        results: chain.results + answer.count,
        linkAt: atEnd ? askedAt : chain.linkAt,
        // The page that a worker died on may be one of the gap's.
        takeovers: atEnd && !chain.gap ? 0 : afterCalm(chain, calm),
      };
      const letGo = atEnd && !chain.gap && walk.mayLetGo();
      const page = { deliveries, chain: { folder: chain.folder, changes: moved(chain) } };
      const { released } = await walk.lane.record(page, letGo);
      if (atEnd) return chain.gap ? listGap(chain, chain.gap, walk) : { chain, finished: true, released };
      if (isCrowded(chain)) chain = await reopen(chain, walk, true);
      if (walk.isOver()) return { chain, finished: false, released: false };
    }
  };
}

/** Re-openings in one walk before mail is listed without delta. */
const MAX_LOST = 2;
/** Pages without an entry, one after the other, before a chain counts as lost. */
const MAX_EMPTY = 50;
