import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * What may be logged: ids, counts, codes, durations. No field can hold an address, a subject, a body, a token or a URL,
 * so that a careless call does not compile.
 */
export interface LogFields {
  mailbox?: string;
  folder?: string;
  mail?: string;
  messageId?: string;
  subscription?: string;
  setting?: string;
  code?: string;
  state?: string;
  reason?: string;
  look?: string;
  outcome?: string;
  status?: number;
  count?: number;
  published?: number;
  known?: number;
  notification?: number;
  catchUp?: number;
  audit?: number;
  missing?: number;
  failed?: number;
  rows?: number;
  blobs?: number;
  bytes?: number;
  attempt?: number;
  waitMs?: number;
  tookMs?: number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
type Write = (level: LogLevel, line: string) => void;

const invocation = new AsyncLocalStorage<Write>();

const toConsole: Write = (level, line) => {
  if (level === 'warn' || level === 'error') console.error(line);
  else if (level === 'info') console.log(line);
};

/** Lines logged inside `work` go to `write`: the host ties them to the invocation only through its own context. */
export const withInvocationLog = <T>(write: Write, work: () => T): T => invocation.run(write, work);

// A line break or an escape sequence in a value could forge further log lines; JSON escapes all but these.
const escapeControls = (text: string) =>
  text.replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** One structured line: `{"event":"mail published","mailbox":"…"}`. */
export function log(level: LogLevel, event: string, fields: LogFields = {}): void {
  const write = invocation.getStore() ?? toConsole;
  write(level, escapeControls(JSON.stringify({ event, ...fields })));
}
