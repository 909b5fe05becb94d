// host.json, with the overrides that app settings can make (`AzureFunctionsJobHost__a__b`).
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { errorMessage, HostError } from './host-error.ts';

const timeSpanMs = z.string().transform((text, issues) => {
  const match = /^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$/.exec(text);
  if (match === null) {
    issues.addIssue('a time span looks like 00:05:00');
    return z.NEVER;
  }
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1, 5).map((part) => Number(part ?? 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + Number(`0.${match[5] ?? 0}`) * 1000;
});

// Overrides arrive as text.
const flag = z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'], case: 'insensitive' })]);
const count = z.coerce.number().int().min(0);
const levelNames = ['trace', 'debug', 'information', 'warning', 'error', 'critical', 'none'] as const;

const hostJsonSchema = z.looseObject({
  version: z.literal('2.0', 'must be "2.0"'),
  extensions: z
    .looseObject({
      http: z.looseObject({ routePrefix: z.string().default('api') }).prefault({}),
      serviceBus: z
        .looseObject({
          // The extension's own default.
          maxConcurrentCalls: count.min(1).default(() => 16 * availableParallelism()),
          autoCompleteMessages: flag.default(true),
          maxAutoLockRenewalDuration: timeSpanMs.prefault('00:05:00'),
        })
        .prefault({}),
    })
    .prefault({}),
  logging: z
    .looseObject({
      logLevel: z
        .looseObject({
          default: z
            .string()
            .transform((name) => name.toLowerCase())
            .pipe(z.enum(levelNames))
            .prefault('Information'),
        })
        .prefault({}),
    })
    .prefault({}),
});

// How host.json spells what a setting may spell in any case.
const obeyedNames = (
  'extensions http routePrefix serviceBus maxConcurrentCalls autoCompleteMessages maxAutoLockRenewalDuration ' +
  'logging logLevel default'
).split(' ');

/** What this host obeys of host.json. */
export type HostJson = z.infer<typeof hostJsonSchema>;

/** Reads the app's host.json and lays the overrides of the environment over it. */
export function readHostJson(appDirectory: string, env: NodeJS.ProcessEnv): HostJson {
  const file = path.join(appDirectory, 'host.json');
  if (!existsSync(file)) throw new HostError(`${file} does not exist: start the host in the app's folder.`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new HostError(`${file} is not JSON: ${errorMessage(error)}`, { cause: error });
  }
  for (const [name, value] of Object.entries(env)) {
    const [root, ...keys] = name.split(/__|:/);
    if (root?.toLowerCase() === 'azurefunctionsjobhost' && keys.length > 0 && value !== undefined) {
      content = withValue(content, keys, value);
    }
  }
  const parsed = hostJsonSchema.safeParse(content);
  if (!parsed.success) throw new HostError(`${file} cannot be used:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

// Names of settings ignore case, as all configuration of the host does.
function withValue(target: unknown, [key, ...rest]: string[], value: string): unknown {
  if (key === undefined) return value;
  const object = z.looseObject({}).catch({}).parse(target);
  const known =
    [...Object.keys(object), ...obeyedNames].find((name) => name.toLowerCase() === key.toLowerCase()) ?? key;
  return { ...object, [known]: withValue(object[known], rest, value) };
}
