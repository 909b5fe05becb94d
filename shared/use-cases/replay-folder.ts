import { type Chain, pageSize } from '../domain/delta.ts';
import { log } from '../log.ts';
import type { Ports } from '../ports.ts';
import type { Walk, WalkEnd } from './follow-chain.ts';
import type { PageContext, PublishPage } from './publish-page.ts';

type Deps = Pick<Ports, 'mail'> & { publishPage: PublishPage };

/**
 * Sends the mail events of a stretch of time once more, for a CRM that lost them: with MessageIds of their own, so that
 * the queue takes them, and with the same CloudEvents id. Each page is stored before the next is asked for.
 */
export function makeReplayFolder({ mail, publishPage }: Deps) {
  return async (start: Chain, walk: Walk): Promise<WalkEnd> => {
    let chain = start;
    const { mailbox } = walk.context;
    while (chain.replay) {
      const { run, at, to } = chain.replay;
      const size = pageSize(chain.takeovers);
      const page = await mail.listSince(mailbox, chain.folderId, { ...at, to }, size, walk.lane.signal);
      // The operator asks for this stretch whether or not it was watched: state that was lost is made good by this.
      const homeOf: PageContext['homeOf'] = (item) => {
        const home = walk.context.homeOf(item);
        return home && { ...home, watchStart: at.start < home.watchStart ? at.start : home.watchStart };
      };
      const published = await publishPage(page.entries, { ...walk.context, homeOf, replay: run });
      walk.stored(published);
      await walk.askAgain(published.missing);
      const replay = page.more ? { run, to, at: { ...at, from: page.from, skip: page.skip } } : undefined;
      chain = { ...chain, replay };
      const changes = { folder: chain.folder, changes: { replay } };
      await walk.lane.record({ deliveries: published.deliveries, chain: changes }, false);
      log('info', 'mail replayed', { mailbox, folder: chain.folder, count: published.published });
      if (replay && walk.isOver()) return { chain, finished: false, released: false };
    }
    return { chain, finished: true, released: false };
  };
}

export type ReplayFolder = ReturnType<typeof makeReplayFolder>;
