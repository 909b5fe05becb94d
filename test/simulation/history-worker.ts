import { parentPort } from 'node:worker_threads';
import { playHistory } from './history.ts';

let turn: Promise<void> = Promise.resolve();

/** A thread that plays the histories of the seeds it is sent, one after the other, and sends each back. */
parentPort?.on('message', (seed: number) => {
  turn = turn.then(async () => parentPort?.postMessage(await playHistory(seed), []));
});
