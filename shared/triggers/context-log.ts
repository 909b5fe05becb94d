import type { InvocationContext } from '@azure/functions';
import { withInvocationLog } from '../log.ts';

/** Runs `work` with its log lines going through the invocation's own context, so that the host ties them together. */
export const withContextLog = <T>(context: InvocationContext, work: () => T): T =>
  withInvocationLog((level, line) => {
    if (level === 'error') context.error(line);
    else if (level === 'warn') context.warn(line);
    else if (level === 'info') context.info(line);
    else context.debug(line);
  }, work);
