// One invocation, in the order of the real worker's invocation handler.
import { randomBytes, randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import type { AppRegistry, RegisteredFunction } from './app-registry.ts';
import type {
  CoreInvocationContext,
  InvocationResponse,
  LogCategory,
  LogLevel,
  RetryContext,
  TraceContext,
  TypedData,
} from './core-types.ts';
import { HostError } from './host-error.ts';
import type { HostLog } from './host-log.ts';

/** What a trigger hands over. */
export interface TriggerInput {
  data: TypedData;
  triggerMetadata?: Record<string, TypedData> | undefined;
  retryContext?: RetryContext | undefined;
  traceParent?: string | undefined;
}

/** Runs a function of the app: rejects if the handler or a hook failed. */
export type Invoke = (registered: RegisteredFunction, input: TriggerInput) => Promise<InvocationResponse>;

/** Makes the invoker of one app. */
export function makeInvoke(registry: AppRegistry, log: HostLog): Invoke {
  return async (registered, input) => {
    const { model } = registry;
    if (model === undefined) throw new HostError('No programming model: the app does not use @azure/functions v4.');
    const invocationId = randomUUID();
    let invocationContext: unknown;
    const core: CoreInvocationContext = {
      invocationId,
      metadata: { name: registered.name, bindings: registered.bindings },
      request: {
        invocationId,
        functionId: registered.name,
        inputData: [{ name: registered.triggerName, data: input.data }],
        triggerMetadata: input.triggerMetadata ?? {},
        traceContext: traceContext(input.traceParent),
        ...(input.retryContext && { retryContext: input.retryContext }),
      },
      state: undefined,
      log: (level, category, message) => {
        const line = runLogHooks(registry, { level, category, message, invocationContext });
        log({ ...line, category, functionName: registered.name, invocationId });
      },
    };

    const invocation = await model.getInvocationModel(core);
    const { context, inputs } = await invocation.getArguments();
    invocationContext = context;
    const shared = { hookData: {}, appHookData: registry.appHookData, invocationContext: context };

    const before = { ...shared, inputs, functionCallback: registered.callback };
    await inPhase(core, 'preInvocationHooks', () => runHooks(registry, 'preInvocation', before));

    const after: { inputs: unknown[]; result: unknown; error: unknown } = {
      inputs: before.inputs,
      result: null,
      error: null,
    };
    try {
      after.result = await inPhase(core, 'invocation', () =>
        invocation.invokeFunction(context, before.inputs, before.functionCallback),
      );
    } catch (error) {
      after.error = error ?? new Error('The handler threw nothing.');
    }

    const afterContext = { ...shared, ...after };
    await inPhase(core, 'postInvocationHooks', () => runHooks(registry, 'postInvocation', afterContext));
    const { error } = afterContext;
    if (error !== null && error !== undefined) throw error instanceof Error ? error : new Error(inspect(error));
    return invocation.getResponse(context, afterContext.result);
  };
}

async function inPhase<T>(
  core: CoreInvocationContext,
  phase: NonNullable<CoreInvocationContext['state']>,
  run: () => Promise<T>,
): Promise<T> {
  core.state = phase;
  try {
    return await run();
  } finally {
    core.state = undefined;
  }
}

/** Runs hooks one after the other; the first that throws ends it. */
export async function runHooks(
  registry: AppRegistry,
  name: 'appStart' | 'appTerminate' | 'preInvocation' | 'postInvocation',
  context: object,
): Promise<void> {
  for (const hook of registry.hooks(name)) await hook(context);
}

/** Passes a line through the app's log hooks, which may rewrite only what the user's code logged. */
export function runLogHooks(
  registry: AppRegistry,
  line: { level: LogLevel; category: LogCategory; message: string; invocationContext?: unknown },
): { level: LogLevel; message: string } {
  const hooked = { hookData: {}, appHookData: registry.appHookData, ...line };
  for (const hook of registry.hooks('log')) {
    try {
      hook(hooked);
    } catch {
      // A log hook must not fail what it logs about; the real worker swallows these too.
    }
  }
  return line.category === 'user' ? { level: hooked.level, message: hooked.message } : line;
}

function traceContext(parent: string | undefined): TraceContext {
  const inherited = parent === undefined ? undefined : /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/.exec(parent);
  const traceId = inherited?.[1] ?? randomBytes(16).toString('hex');
  const flags = inherited?.[2] ?? '00';
  return { traceParent: `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}`, traceState: '', attributes: {} };
}
