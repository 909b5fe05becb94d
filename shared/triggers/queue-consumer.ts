import type { InvocationContext } from '@azure/functions';
import { InvocationError } from '../errors.ts';
import { withContextLog } from './context-log.ts';

/**
 * A queue message to its use case. Reads only the body: the host lets properties of the body overwrite
 * `triggerMetadata`. What the use case throws makes the host abandon the message, so that it is delivered again.
 */
export const queueConsumer =
  (process: (body: unknown) => Promise<void>) =>
  (body: unknown, context: InvocationContext): Promise<void> =>
    withContextLog(context, () =>
      process(body).catch((error: unknown) => {
        throw new InvocationError(error);
      }),
    );
