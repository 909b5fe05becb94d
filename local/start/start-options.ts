// The flags of `npm start` and `npm run emulators`. An unknown flag is refused with the list of those that exist.
import { parseArgs } from 'node:util';

/** Wrong use of a command: the text is all the user needs, a stack trace would only hide it. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** What `npm start` was asked to do. */
export type StartOptions = {
  once: boolean;
  func: boolean;
  verbose: boolean;
  help: boolean;
  emlFolder: string | undefined;
  jsonFile: string | undefined;
  settingsFile: string | undefined;
  generatedMails: number | undefined;
};

/** What `npm run emulators` was asked to do. */
export type EmulatorsOptions = { ports: 'fixed' | 'free'; settingsFile: string | undefined; help: boolean };

export const startUsage = `npm start [-- flags]
  --once                 end by itself; exit 0 only if every mail arrived exactly once
  --eml DIR              feed the .eml files of a folder instead of the sample mails
  --mails N              feed N generated mails instead of the sample mails
  --json FILE            write the summary as JSON
  --settings-out FILE    write addresses and settings of everything, once all is ready
  --func                 run the app in Azure Functions Core Tools instead of the embedded host
  --verbose              show the log lines of the host
  --help                 show this`;

export const emulatorsUsage = `npm run emulators [-- flags]
  --ports 0              use free ports instead of 10000-10002, 5672, 7072 (and 7071 for the host)
  --settings-out FILE    write addresses and settings of everything, once all is ready
  --help                 show this`;

function refusing<T>(parse: () => T, usage: string): T {
  try {
    return parse();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new UsageError(`${reason}.\n\n${usage}`, { cause: error });
  }
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1_000_000) {
    throw new UsageError(`--mails takes a whole number from 1 to 1000000, not '${text}'.\n\n${startUsage}`);
  }
  return count;
}

/** Reads the flags of `npm start`. */
export function parseStartOptions(args: readonly string[]): StartOptions {
  const { values } = refusing(
    () =>
      parseArgs({
        args: [...args],
        strict: true,
        allowPositionals: false,
        options: {
          once: { type: 'boolean', default: false },
          func: { type: 'boolean', default: false },
          verbose: { type: 'boolean', default: false },
          help: { type: 'boolean', short: 'h', default: false },
          eml: { type: 'string' },
          mails: { type: 'string' },
          json: { type: 'string' },
          'settings-out': { type: 'string' },
        },
      }),
    startUsage,
  );
  if (values.eml !== undefined && values.mails !== undefined) {
    throw new UsageError(`--eml and --mails exclude each other: each says which mails to feed.\n\n${startUsage}`);
  }
  return {
    once: values.once,
    func: values.func,
    verbose: values.verbose,
    help: values.help,
    emlFolder: values.eml,
    jsonFile: values.json,
    settingsFile: values['settings-out'],
    generatedMails: values.mails === undefined ? undefined : parseCount(values.mails),
  };
}

/** Reads the flags of `npm run emulators`. */
export function parseEmulatorsOptions(args: readonly string[]): EmulatorsOptions {
  const { values } = refusing(
    () =>
      parseArgs({
        args: [...args],
        strict: true,
        allowPositionals: false,
        options: {
          ports: { type: 'string' },
          help: { type: 'boolean', short: 'h', default: false },
          'settings-out': { type: 'string' },
        },
      }),
    emulatorsUsage,
  );
  if (values.ports !== undefined && values.ports !== '0') {
    throw new UsageError(
      `--ports takes only 0 (free ports), not '${values.ports}'; leave it out for the fixed ones.\n\n${emulatorsUsage}`,
    );
  }
  return {
    ports: values.ports === '0' ? 'free' : 'fixed',
    settingsFile: values['settings-out'],
    help: values.help,
  };
}
