// Where settings come from: the environment first, then one file that never overrides it.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { errorMessage, HostError } from './host-error.ts';

const settingsFileSchema = z.looseObject({
  env: z.record(z.string(), z.string()),
  functionsUrl: z.url().optional(),
});

const localSettingsSchema = z.looseObject({
  IsEncrypted: z.boolean().optional(),
  Values: z.record(z.string(), z.string()).optional(),
  Host: z.looseObject({ LocalHttpPort: z.coerce.number().int().min(0).max(65_535).optional() }).optional(),
});

/** Settings of a file, and the port that the file wants. */
export interface FileSettings {
  source: string;
  values: Record<string, string>;
  port?: number | undefined;
}

/** Reads `--settings FILE` if given, else `local.settings.json` of the app if there is one. */
export function readFileSettings(appDirectory: string, settingsFile: string | undefined): FileSettings | undefined {
  if (settingsFile !== undefined) {
    const { env, functionsUrl } = parseJsonFile(settingsFile, settingsFileSchema, 'an object with "env"');
    return { source: settingsFile, values: env, port: functionsUrl === undefined ? undefined : portOf(functionsUrl) };
  }
  const file = path.join(appDirectory, 'local.settings.json');
  if (!existsSync(file)) return undefined;
  const parsed = parseJsonFile(file, localSettingsSchema, 'an object with "Values", all of them strings');
  if (parsed.IsEncrypted === true) {
    throw new HostError(`${file} is encrypted: run "func settings decrypt", or write it anew from the sample.`);
  }
  return { source: 'local.settings.json', values: parsed.Values ?? {}, port: parsed.Host?.LocalHttpPort };
}

/** Puts settings into the environment; what is set there already stays. */
export function applySettings(values: Record<string, string>, env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(values)) env[name] ??= value;
}

/** Replaces each `%NAME%` by the setting, as the host does for queue names and schedules. */
export function resolveSettingNames(text: string, env: NodeJS.ProcessEnv, usedBy: string): string {
  return text.replaceAll(/%([^%]+)%/g, (_whole, name: string) => {
    const value = env[name];
    if (value === undefined || value === '') {
      throw new HostError(`${usedBy} uses %${name}%, but the setting ${name} is missing: set it.`);
    }
    return value;
  });
}

/** Whether `AzureWebJobs.<name>.Disabled` turns a function off. */
export function isDisabled(functionName: string, env: NodeJS.ProcessEnv): boolean {
  const value = env[`AzureWebJobs.${functionName}.Disabled`] ?? env[`AzureWebJobs_${functionName}_Disabled`] ?? '';
  return ['true', '1'].includes(value.toLowerCase());
}

/** The connection string behind a binding's `connection`, which names a setting or the prefix of several. */
export function serviceBusConnectionString(prefix: string, env: NodeJS.ProcessEnv, usedBy: string): string {
  // AzureWebJobs<name> comes first in the real host's look-up too.
  const value = env[`AzureWebJobs${prefix}`] || env[prefix];
  if (value) {
    if (/(^|;)\s*EntityPath\s*=/i.test(value)) {
      throw new HostError(
        `The setting ${prefix} names an entity (EntityPath): ${usedBy} needs the namespace's string.`,
      );
    }
    return value;
  }
  if (env[`${prefix}__fullyQualifiedNamespace`]) {
    throw new HostError(
      `${usedBy} connects by identity (${prefix}__fullyQualifiedNamespace), which this local host does not support: ` +
        `set ${prefix} to a connection string, or use Core Tools.`,
    );
  }
  throw new HostError(`${usedBy} needs the setting ${prefix}: a Service Bus connection string. Set it.`);
}

function portOf(url: string): number | undefined {
  const { port } = new URL(url);
  return port === '' ? undefined : Number(port);
}

function parseJsonFile<T>(file: string, schema: z.ZodType<T>, expected: string): T {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new HostError(`The settings file ${file} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
  const parsed = schema.safeParse(content);
  if (!parsed.success) {
    throw new HostError(`The settings file ${file} is not ${expected}:\n${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}
