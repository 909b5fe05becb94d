import { errorCode } from '../errors.ts';
import { log } from '../log.ts';

/** One part of a timer's run: its failure is logged and left to the next turn, so that the other parts still run. */
export async function runStep(name: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log('warn', 'step failed', { reason: name, code: errorCode(error) });
  }
}
