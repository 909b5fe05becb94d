import { withInvocationLog } from '../../shared/log.ts';

/** Runs `work` and gathers what it logs instead of printing it. */
export async function quietly<T>(lines: string[], work: () => Promise<T>): Promise<T> {
  return withInvocationLog((_level, line) => lines.push(line), work);
}
