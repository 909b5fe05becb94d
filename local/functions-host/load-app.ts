// Loads the built app: package.json `main`, one file or a glob, with `@azure/functions-core` supplied.
import { existsSync, globSync, readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as z from 'zod';
import type { AppRegistry } from './app-registry.ts';
import type { CoreApi } from './core-api.ts';
import { describeError, HostError } from './host-error.ts';

const packageSchema = z.looseObject({ main: z.string().min(1), type: z.string().optional() });

const require = createRequire(import.meta.url);
let served: CoreApi | undefined;
let proxied = false;
let loads = 0;

/** Loads every entry file in order; anything it throws, and an app without functions, is a {@link HostError}. */
export async function loadApp(options: {
  appDirectory: string;
  main?: string | undefined;
  registry: AppRegistry;
  coreApi: CoreApi;
}): Promise<void> {
  const { appDirectory, registry } = options;
  const manifest = readManifest(appDirectory, options.main);
  const files = entryFiles(appDirectory, manifest.main);
  serveCoreModule(options.coreApi);
  forgetEarlierLoad(files);
  loads += 1;
  for (const file of files) {
    const shown = path.relative(appDirectory, file);
    try {
      if (isEsModule(file, manifest.type)) await import(`${pathToFileURL(file).href}?load=${loads}`);
      else require(file);
    } catch (error) {
      throw new HostError(`The app cannot be loaded: ${shown} threw while loading.\n${describeError(error)}`, {
        cause: error,
      });
    }
  }
  if (registry.functions.length === 0) {
    throw new HostError(
      `The app registered no function: ${files.map((file) => path.relative(appDirectory, file)).join(', ')} loaded, but ` +
        'never called app.http, app.timer or app.serviceBusQueue of @azure/functions.',
    );
  }
}

function readManifest(appDirectory: string, main: string | undefined): { main: string; type?: string | undefined } {
  const file = path.join(appDirectory, 'package.json');
  if (!existsSync(file)) {
    if (main !== undefined) return { main };
    throw new HostError(`${file} does not exist: start the host in the app's folder, beside its package.json.`);
  }
  const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const parsed = packageSchema.safeParse(main === undefined ? found : { ...z.looseObject({}).parse(found), main });
  if (!parsed.success) throw new HostError(`${file} has no "main": it names the app's entry file.`);
  return parsed.data;
}

function entryFiles(appDirectory: string, main: string): string[] {
  if (!/[*?{[]/.test(main)) {
    const file = path.resolve(appDirectory, main);
    if (!existsSync(file))
      throw new HostError(`${main} does not exist in ${appDirectory}: build the app (npm run build).`);
    return [file];
  }
  const files = globSync(main, { cwd: appDirectory }).toSorted();
  if (files.length === 0) {
    throw new HostError(`Found zero files matching "${main}" in ${appDirectory}: build the app (npm run build).`);
  }
  return files.map((file) => path.resolve(appDirectory, file));
}

function isEsModule(file: string, packageType: string | undefined): boolean {
  return file.endsWith('.mjs') || (!file.endsWith('.cjs') && packageType === 'module');
}

// The real worker proxies the same function. It serves bundles, the unbundled CommonJS library, and ES modules that
// import that library, on every supported Node (module.registerHooks came with 22.15).
function serveCoreModule(coreApi: CoreApi): void {
  served = coreApi;
  if (proxied) return;
  proxied = true;
  // oxlint-disable-next-line typescript/unbound-method -- Reflect.apply passes its own `this` on
  Module.prototype.require = new Proxy(Module.prototype.require, {
    apply: (original, self, args: [string]): unknown =>
      args[0] === '@azure/functions-core' ? served : Reflect.apply(original, self, args),
  });
}

// A second host in one process (tests) must run the entry files again, and the unbundled library with them: it keeps
// the core module it got first.
function forgetEarlierLoad(files: readonly string[]): void {
  for (const loaded of Object.keys(require.cache)) {
    if (files.includes(loaded) || loaded.includes(`${path.sep}@azure${path.sep}functions${path.sep}`)) {
      delete require.cache[loaded];
    }
  }
}
