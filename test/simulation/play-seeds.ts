import { Worker } from 'node:worker_threads';
import type { History } from './history.ts';

/** Seeds that wait inside a worker, so that it never waits for the next one. */
const AHEAD = 4;

/** Plays `count` histories from `first` on by `workers` threads at once; yields them in the order of their seeds. */
export async function* playSeeds(first: number, count: number, workers: number): AsyncGenerator<History> {
  const end = first + count;
  const done = new Map<number, History>();
  const threads = Array.from({ length: Math.min(workers, count) }, () => new Worker(WORKER));
  let wake = Promise.withResolvers<void>();
  let next = first;
  const hand = (thread: Worker) => {
    if (next < end) thread.postMessage(next++, []);
  };
  for (const thread of threads) {
    thread.on('message', (history: History) => {
      done.set(history.seed, history);
      hand(thread);
      wake.resolve();
    });
    thread.on('error', (error) => wake.reject(error));
    for (let ahead = 0; ahead < AHEAD; ahead++) hand(thread);
  }
  try {
    for (let seed = first; seed < end; ) {
      const history = done.get(seed);
      if (!history) {
        await wake.promise;
        wake = Promise.withResolvers<void>();
        continue;
      }
      done.delete(seed++);
      yield history;
    }
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

const WORKER = new URL('history-worker.ts', import.meta.url);
