import * as z from 'zod';
import type { BindingInfo, FunctionCallback, HookCallback, ProgrammingModel } from './core-types.ts';

const durationSchema = z.object({ seconds: z.number() });

const bindingSchema = z.looseObject({ type: z.string(), direction: z.string().optional() });

// The name is part of URLs and of settings, hence the host's rule.
const functionName = z.string().regex(/^[a-z][\w-]{0,127}$/i, 'a letter, then letters, digits, _ or -, 128 at most');

const metadataSchema = z.object({
  name: functionName.refine((name) => name.toLowerCase() !== 'host', 'the name "host" is reserved'),
  bindings: z.record(z.string(), bindingSchema),
  retryOptions: z
    .looseObject({
      retryStrategy: z.enum(['fixedDelay', 'exponentialBackoff']),
      maxRetryCount: z.number(),
      delayInterval: durationSchema.optional(),
      minimumInterval: durationSchema.optional(),
      maximumInterval: durationSchema.optional(),
    })
    .optional(),
});

/** How a failed run is tried again; intervals are whole seconds. */
export type RetryOptions = NonNullable<z.infer<typeof metadataSchema>['retryOptions']>;

/** A function of the app under this host. */
export interface RegisteredFunction {
  name: string;
  bindings: Record<string, BindingInfo>;
  triggerName: string;
  trigger: BindingInfo;
  retryOptions?: RetryOptions | undefined;
  callback: FunctionCallback;
}

/** The hooks an app can register. */
export const hookNames = ['appStart', 'appTerminate', 'preInvocation', 'postInvocation', 'log'] as const;
export type HookName = (typeof hookNames)[number];

/** An error that the library tells apart from the app's own, as the real worker marks it. */
export function systemError(message: string, kind: 'Error' | 'RangeError' = 'Error'): Error {
  const error = kind === 'RangeError' ? new RangeError(message) : new Error(message);
  return Object.assign(error, { isAzureFunctionsSystemError: true });
}

/** Everything that the app's entry files registered. Locked once they are loaded. */
export class AppRegistry {
  model: ProgrammingModel | undefined;
  /** Shared by the hooks of all invocations. */
  readonly appHookData: Record<string, unknown> = {};
  /** Shared by `appStart` and `appTerminate`. */
  readonly startAndTerminateHookData: Record<string, unknown> = {};
  #locked = false;
  readonly #functions = new Map<string, RegisteredFunction>();
  readonly #hooks = new Map<string, HookCallback[]>(hookNames.map((name) => [name, []]));

  /** In the order in which the real host tries HTTP routes: by name, ignoring case. */
  get functions(): RegisteredFunction[] {
    return [...this.#functions.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, registered]) => registered);
  }

  hooks(name: HookName): readonly HookCallback[] {
    return this.#hooks.get(name) ?? [];
  }

  lock(): void {
    this.#locked = true;
  }

  /** Takes a function; returns how to take it back. */
  addFunction(metadata: unknown, callback: unknown): () => void {
    if (this.#locked) throw systemError('A function can only be registered during app startup.');
    const parsed = metadataSchema.safeParse(metadata);
    if (!parsed.success) throw systemError(`A function cannot be registered: ${z.prettifyError(parsed.error)}`);
    const { name, bindings, retryOptions } = parsed.data;
    if (!isCallback(callback)) throw systemError(`Function "${name}" has no handler.`);
    const key = name.toLowerCase();
    if (this.#functions.has(key)) throw systemError(`A function with name "${name}" has already been registered.`);
    const trigger = Object.entries(bindings).find(([, binding]) => /trigger$/i.test(binding.type));
    if (trigger === undefined) throw systemError(`Function "${name}" has no trigger.`);
    this.#functions.set(key, { name, bindings, triggerName: trigger[0], trigger: trigger[1], retryOptions, callback });
    return () => {
      if (this.#locked) throw systemError('A function can only be disposed during app startup.');
      this.#functions.delete(key);
    };
  }

  /** Takes a hook; returns how to take it back. */
  addHook(name: string, callback: HookCallback): () => void {
    const list = this.#hooks.get(name);
    if (list === undefined) throw systemError(`Unrecognized hook "${name}"`, 'RangeError');
    list.push(callback);
    return () => {
      const index = list.indexOf(callback);
      if (index !== -1) list.splice(index, 1);
    };
  }
}

function isCallback(value: unknown): value is FunctionCallback {
  return typeof value === 'function';
}
