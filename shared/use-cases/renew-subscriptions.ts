import { log } from '../log.ts';
import type { Ports } from '../ports.ts';
import type { makeRenewDue } from './renew-due.ts';
import { runStep } from './run-step.ts';

type Deps = Pick<Ports, 'folders' | 'keys'> & {
  sweepSubscriptions(): Promise<void>;
  renewDue: ReturnType<typeof makeRenewDue>;
};

const RENEW_FOR_MS = 300_000;

/**
 * The slow timer: compares Graph's subscriptions with the rows (which also tells Graph's time to a process that has just
 * started), renews what is due, rotates the clientState keys. One part that fails leaves the others to run.
 */
export const makeRenewSubscriptions =
  ({ folders, keys, sweepSubscriptions, renewDue }: Deps) =>
  async (): Promise<void> => {
    await runStep('sweep', sweepSubscriptions);
    const rows = await folders.list();
    await runStep('renewals', async () => {
      log('info', 'renewals done', { count: await renewDue(rows, RENEW_FOR_MS) });
    });
    const signed = rows.filter((row) => row.subscription !== undefined).flatMap((row) => row.keyId ?? []);
    await runStep('keys', () => keys.rotate(new Set(signed)));
  };
