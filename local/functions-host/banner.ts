import type { FunctionsHost } from './functions-host.ts';

/** What this host is not, in short; README.md beside this file has the whole list. */
export const banner =
  'Embedded Functions host for local work: one process, no scaling, no restarts, no EasyAuth or CORS, no throttles or\n' +
  'timeouts, timer status only in memory. Passing here is no proof for Azure (local/functions-host/README.md).';

/** The functions, one a line. */
export function functionLines(host: FunctionsHost): string[] {
  const width = Math.max(...host.functions.map(({ name }) => name.length));
  return host.functions.map(({ name, trigger, detail }) => `  ${name.padEnd(width)}  ${trigger.padEnd(10)}  ${detail}`);
}

/** The access keys, when they are checked. */
export function keyLines({ keys }: FunctionsHost): string[] {
  return keys === undefined ? [] : [`  master key  ${keys.master}`, `  host key    ${keys.host}`];
}
