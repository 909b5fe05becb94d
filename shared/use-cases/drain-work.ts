import type { Ports } from '../ports.ts';

/** The platform gives a worker about ten seconds between the word that it ends and the end. */
const DRAIN_FOR_MS = 8_000;

/**
 * Knows the work items under way. `drain` asks them to come to an early end (`isDraining`) and waits until they have, so
 * that the process leaves no lane behind that others would have to wait for.
 */
export function makeDrainWork({ after }: Pick<Ports, 'after'>) {
  const underWay = new Set<Promise<void>>();
  let draining = false;
  return {
    isDraining: () => draining,
    tracked:
      <T>(work: (item: T) => Promise<void>) =>
      (item: T): Promise<void> => {
        const running = work(item).finally(() => underWay.delete(running));
        underWay.add(running);
        return running;
      },
    async drain(): Promise<void> {
      draining = true;
      let cancel: () => void = () => undefined;
      const patience = new Promise<void>((resolve) => {
        cancel = after(DRAIN_FOR_MS, resolve);
      });
      await Promise.race([Promise.allSettled(underWay), patience]);
      cancel();
    },
  };
}
