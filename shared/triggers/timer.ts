import type { InvocationContext, Timer } from '@azure/functions';
import { errorCode, InvocationError } from '../errors.ts';
import { log } from '../log.ts';
import { withContextLog } from './context-log.ts';

/** A timer to its use case. A run that fails is logged and left to the next one: nothing waits in a timer. */
export const timer =
  (run: () => Promise<void>) =>
  (_timer: Timer, context: InvocationContext): Promise<void> =>
    withContextLog(context, async () => {
      try {
        await run();
      } catch (error) {
        log('error', 'timer run failed', { reason: context.functionName, code: errorCode(error) });
        throw new InvocationError(error);
      }
    });
