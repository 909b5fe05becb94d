import type { LogCategory, LogLevel } from './core-types.ts';

/** One line of output: from the app (`user`), from the library (`system`) or from this host (`host`). */
export interface HostLogLine {
  level: LogLevel;
  category: LogCategory | 'host';
  message: string;
  functionName?: string | undefined;
  invocationId?: string | undefined;
}

/** Where log lines go. */
export type HostLog = (line: HostLogLine) => void;

const severity: Record<LogLevel, number> = {
  trace: 0,
  debug: 1,
  information: 2,
  warning: 3,
  error: 4,
  critical: 5,
  none: 6,
};

/** Drops what is below `minimum`. */
export function atLeast(minimum: LogLevel, log: HostLog): HostLog {
  return (line) => {
    if (severity[line.level] >= severity[minimum]) log(line);
  };
}

/** Prints the app's own lines as they are, and everything from warnings up on stderr with its level in front. */
export function consoleLog(line: HostLogLine): void {
  if (severity[line.level] >= severity.warning) {
    process.stderr.write(`[${line.level}] ${line.functionName ? `${line.functionName}: ` : ''}${line.message}\n`);
  } else {
    process.stdout.write(`${line.message}\n`);
  }
}
