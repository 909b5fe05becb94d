// Turns the registered functions into routes, timers and receivers. All are checked before the first one starts.
import * as z from 'zod';
import type { RunByHand } from './admin-api.ts';
import type { RegisteredFunction } from './app-registry.ts';
import type { Clock } from './clock.ts';
import { HostError } from './host-error.ts';
import type { HostJson } from './host-json.ts';
import type { HostLog } from './host-log.ts';
import { type HttpRoute, httpRoutes } from './http-routes.ts';
import type { Invoke } from './invoke.ts';
import { parseSchedule } from './ncrontab.ts';
import { type RunningWork, within } from './running-work.ts';
import type { ServiceBusConnections } from './service-bus-connections.ts';
import { bodyMetadata, messageData } from './service-bus-message.ts';
import { readServiceBusTrigger, type ServiceBusTrigger, startServiceBusTrigger } from './service-bus-trigger.ts';
import { resolveSettingNames, serviceBusConnectionString } from './settings.ts';
import { startTimer, type TimerTrigger } from './timer-trigger.ts';

/** A function that the host runs: its trigger's kind, and what it listens to. */
export interface HostedFunction {
  name: string;
  trigger: 'http' | 'timer' | 'serviceBus';
  detail: string;
}

/** What the triggers need from the host. */
export interface TriggerContext {
  functions: readonly RegisteredFunction[];
  hostJson: HostJson;
  env: NodeJS.ProcessEnv;
  clock: Clock;
  connections: ServiceBusConnections;
  running: RunningWork;
  invoke: Invoke;
  log: HostLog;
}

/** The triggers under way. `byHand` is keyed by function name in lower case. */
export interface StartedTriggers {
  functions: HostedFunction[];
  routes: HttpRoute[];
  byHand: ReadonlyMap<string, RunByHand>;
  /** Takes no new work and waits, so long at most, for what runs. */
  stop(limitMs: number): Promise<void>;
}

const drainLimitMs = 2000;

const timerSchema = z.looseObject({
  schedule: z.string(),
  useMonitor: z.boolean().default(true),
  runOnStartup: z.boolean().default(false),
});

/** Starts every trigger; a function this host cannot run is a {@link HostError}. */
export async function startTriggers(context: TriggerContext): Promise<StartedTriggers> {
  const { functions } = context;
  for (const registered of functions) refuseOtherBindings(registered);
  const ofType = (type: string) => functions.filter(({ trigger }) => trigger.type.toLowerCase() === type);
  const routes = httpRoutes(ofType('httptrigger'), context.hostJson.extensions.http.routePrefix);
  const planned = [
    ...routes.map(describeRoute),
    ...ofType('timertrigger').map((registered) => planTimer(registered, context)),
    ...(await Promise.all(ofType('servicebustrigger').map((registered) => planServiceBus(registered, context)))),
  ];

  const timers: TimerTrigger[] = [];
  const receivers: ServiceBusTrigger[] = [];
  const byHand = new Map<string, RunByHand>();
  for (const plan of planned) {
    const started = plan.start();
    if (started.timer !== undefined) timers.push(started.timer);
    if (started.receiver !== undefined) receivers.push(started.receiver);
    if (started.byHand !== undefined) byHand.set(plan.hosted.name.toLowerCase(), started.byHand);
  }
  return {
    functions: planned.map(({ hosted }) => hosted),
    routes,
    byHand,
    stop: async (limitMs) => {
      for (const timer of timers) timer.stop();
      // A broker that hangs never answers the drain; what it still delivers is worked off like the rest.
      await within(drainLimitMs, Promise.allSettled(receivers.map((receiver) => receiver.stop())));
      if (!(await context.running.idle(limitMs))) {
        const message = `${context.running.size} invocation(s) still ran after ${limitMs / 1000} s and were left behind`;
        context.log({ level: 'warning', category: 'host', message });
      }
    },
  };
}

interface Plan {
  hosted: HostedFunction;
  start(): { timer?: TimerTrigger; receiver?: ServiceBusTrigger; byHand?: RunByHand };
}

function describeRoute({ registered, methods, template }: HttpRoute): Plan {
  const detail = `${methods.length === 0 ? 'any method' : methods.join(',')} /${template.text}`;
  return { hosted: { name: registered.name, trigger: 'http', detail }, start: () => ({}) };
}

function planTimer(registered: RegisteredFunction, { clock, env, invoke, running }: TriggerContext): Plan {
  const usedBy = `Function "${registered.name}"`;
  const options = timerSchema.safeParse(registered.trigger);
  if (!options.success) throw new HostError(`${usedBy}: ${z.prettifyError(options.error)}`);
  const { useMonitor, runOnStartup } = options.data;
  const text = resolveSettingNames(options.data.schedule, env, usedBy);
  const schedule = parseSchedule(text, usedBy);
  return {
    hosted: { name: registered.name, trigger: 'timer', detail: text },
    start: () => {
      const timer = startTimer({
        schedule,
        useMonitor,
        runOnStartup,
        retry: registered.retryOptions,
        clock,
        run: (data, retryContext) => invoke(registered, { data, retryContext }),
      });
      return { timer, byHand: () => void running.track(timer.runByHand()) };
    },
  };
}

async function planServiceBus(registered: RegisteredFunction, context: TriggerContext): Promise<Plan> {
  const functionName = registered.name;
  const usedBy = `Function "${functionName}"`;
  const { env, invoke, log, running } = context;
  const trigger = readServiceBusTrigger(registered.trigger, env, usedBy);
  const connectionString = serviceBusConnectionString(trigger.connection, env, usedBy);
  const client = await context.connections.client(connectionString, usedBy);
  const { entity } = trigger;
  const detail = 'queue' in entity ? `queue ${entity.queue}` : `topic ${entity.topic}/${entity.subscription}`;
  return {
    hosted: { name: functionName, trigger: 'serviceBus', detail },
    start: () => ({
      receiver: startServiceBusTrigger({
        functionName,
        trigger,
        client,
        settings: context.hostJson.extensions.serviceBus,
        running,
        log,
        run: (data, triggerMetadata, traceParent) => invoke(registered, { data, triggerMetadata, traceParent }),
      }),
      byHand: (input = '') => {
        // A failure is logged by the invoker; nobody waits for this run.
        invoke(registered, { data: messageData(input), triggerMetadata: bodyMetadata(input) }).catch(() => undefined);
      },
    }),
  };
}

// A binding that is silently not served would be mail lost in a way that Azure does not lose it.
function refuseOtherBindings({ name, bindings, trigger, triggerName }: RegisteredFunction): void {
  if (!['httptrigger', 'timertrigger', 'servicebustrigger'].includes(trigger.type.toLowerCase())) {
    throw new HostError(
      `Function "${name}": this local host does not have the trigger ${trigger.type}; use Core Tools.`,
    );
  }
  for (const [bindingName, binding] of Object.entries(bindings)) {
    const isHttpAnswer = bindingName === '$return' && binding.type.toLowerCase() === 'http';
    if (bindingName !== triggerName && !isHttpAnswer) {
      throw new HostError(
        `Function "${name}": this local host has no input or output bindings (${bindingName}, ${binding.type}); ` +
          'use the SDK in the handler, or Core Tools.',
      );
    }
  }
}
