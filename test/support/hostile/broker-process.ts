import { fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseQueueDefinitions, startServiceBusBroker } from '../../../local/service-bus/broker.ts';

/** The broker in a process of its own, so that its CPU is not counted as the app’s. */
export async function startBrokerProcess(): Promise<{ connectionString: string; close(): Promise<void> }> {
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, BROKER_PROCESS: '1' } });
  const connectionString = await new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve(typeof message === 'string' ? message : ''));
    child.once('exit', () => reject(new Error('the broker did not start')));
  });
  return {
    connectionString,
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.disconnect();
      }),
  };
}

if (process.env['BROKER_PROCESS'] === '1' && process.send) {
  const queues: unknown = JSON.parse(await readFile(new URL('../../../infra/queues.json', import.meta.url), 'utf8'));
  const broker = await startServiceBusBroker({ queues: parseQueueDefinitions(queues) });
  process.send(broker.connectionString);
  process.once('disconnect', () => void broker.close());
}
