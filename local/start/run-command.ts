import { UsageError } from './start-options.ts';

const LINGER_MS = 3000;

/** Runs a command and ends the process with the code it returns; says why if it throws. */
export function runCommand(main: () => Promise<number>): void {
  main()
    .catch((error: unknown) => {
      // Our own refusals say what to do; a stack trace would bury it.
      console.error(error instanceof UsageError ? error.message : `Failed: ${describe(error)}`);
      return error instanceof UsageError ? 2 : 1;
    })
    .then((code) => {
      process.exitCode = code;
      // Everything is closed by now; should something linger all the same, the user shall not have to wait for it.
      setTimeout(() => process.exit(), LINGER_MS).unref();
      return code;
    })
    .catch(() => process.exit(1));
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return process.env['DEBUG'] === undefined ? error.message : (error.stack ?? error.message);
}
