// The stand-in for the module `@azure/functions-core`, which exists only inside a Functions worker.
import type { AppRegistry } from './app-registry.ts';
import type { HookCallback, LogCategory, LogLevel, ProgrammingModel } from './core-types.ts';

/** Undoes a registration, once. */
class Disposable {
  #undo: (() => void) | undefined;

  constructor(undo: () => void) {
    this.#undo = undo;
  }

  dispose(): void {
    this.#undo?.();
    this.#undo = undefined;
  }
}

/** What `require('@azure/functions-core')` returns to the app. */
export interface CoreApi {
  version: string;
  hostVersion: string;
  Disposable: typeof Disposable;
  setProgrammingModel(model: ProgrammingModel): void;
  getProgrammingModel(): ProgrammingModel | undefined;
  registerFunction(metadata: unknown, callback: unknown): Disposable;
  registerHook(name: string, callback: HookCallback): Disposable;
  log(level: LogLevel, category: LogCategory, message: string): void;
}

/** Makes the module for one app: whatever it registers ends up in `registry`. */
export function createCoreApi(
  registry: AppRegistry,
  log: (level: LogLevel, category: LogCategory, message: string) => void,
): CoreApi {
  return {
    version: '3.12.0',
    hostVersion: '4.1040.0',
    Disposable,
    setProgrammingModel: (model) => {
      registry.model = model;
    },
    getProgrammingModel: () => registry.model,
    registerFunction: (metadata, callback) => new Disposable(registry.addFunction(metadata, callback)),
    registerHook: (name, callback) => new Disposable(registry.addHook(name, callback)),
    // The library takes the presence of this function for "the host knows HTTP streaming".
    log,
  };
}
