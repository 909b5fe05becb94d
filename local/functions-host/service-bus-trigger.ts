// One queue-triggered (or topic-triggered) function: peek-lock, complete when the handler resolves, abandon when not.
import type { ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import * as z from 'zod';
import type { BindingInfo, TypedData } from './core-types.ts';
import { errorMessage, HostError } from './host-error.ts';
import type { HostJson } from './host-json.ts';
import type { HostLog } from './host-log.ts';
import type { RunningWork } from './running-work.ts';
import { messageData, messageMetadata } from './service-bus-message.ts';
import { resolveSettingNames } from './settings.ts';

const triggerSchema = z.looseObject({
  connection: z.string().min(1),
  queueName: z.string().min(1).optional(),
  topicName: z.string().min(1).optional(),
  subscriptionName: z.string().min(1).optional(),
  isSessionsEnabled: z.boolean().default(false),
  cardinality: z.string().default('one'),
  autoCompleteMessages: z.boolean().optional(),
});

/** What a Service Bus trigger asks for, with `%SETTING%` names resolved. */
export interface ServiceBusTriggerOptions {
  connection: string;
  entity: { queue: string } | { topic: string; subscription: string };
  autoComplete: boolean | undefined;
}

/** Reads a trigger's options; sessions and batches are refused because this host does not have them. */
export function readServiceBusTrigger(
  trigger: BindingInfo,
  env: NodeJS.ProcessEnv,
  usedBy: string,
): ServiceBusTriggerOptions {
  const parsed = triggerSchema.safeParse(trigger);
  if (!parsed.success) throw new HostError(`${usedBy}: ${z.prettifyError(parsed.error)}`);
  const { connection, queueName, topicName, subscriptionName, isSessionsEnabled, cardinality } = parsed.data;
  if (isSessionsEnabled || cardinality.toLowerCase() === 'many') {
    throw new HostError(`${usedBy} asks for ${isSessionsEnabled ? 'sessions' : 'batches'}: this local host has none.`);
  }
  const resolve = (name: string) => resolveSettingNames(name, env, usedBy);
  const autoComplete = parsed.data.autoCompleteMessages;
  if (queueName !== undefined) return { connection, entity: { queue: resolve(queueName) }, autoComplete };
  if (topicName !== undefined && subscriptionName !== undefined) {
    const entity = { topic: resolve(topicName), subscription: resolve(subscriptionName) };
    return { connection, entity, autoComplete };
  }
  throw new HostError(`${usedBy} names neither a queue nor a topic with its subscription.`);
}

/** A receiver under way. Its link stays open after `stop`, so that running messages can be settled. */
export interface ServiceBusTrigger {
  stop(): Promise<void>;
}

/** Starts to receive. A broker that cannot be reached is tried for ever; it never ends the host. */
export function startServiceBusTrigger(options: {
  functionName: string;
  trigger: ServiceBusTriggerOptions;
  client: ServiceBusClient;
  settings: HostJson['extensions']['serviceBus'];
  running: RunningWork;
  log: HostLog;
  run: (data: TypedData, metadata: Record<string, TypedData>, traceParent: string | undefined) => Promise<unknown>;
}): ServiceBusTrigger {
  const { functionName, trigger, settings, log } = options;
  // The host hands over text; parsing is the library's part.
  const receiver = createReceiver(options.client, trigger.entity);
  const autoComplete = trigger.autoComplete ?? settings.autoCompleteMessages;
  let outage: string | undefined;

  const settle = async (message: ServiceBusReceivedMessage, outcome: 'complete' | 'abandon'): Promise<void> => {
    try {
      await (outcome === 'complete' ? receiver.completeMessage(message) : receiver.abandonMessage(message));
    } catch (error) {
      const told = `message ${String(message.messageId)} could not be settled (${outcome}), it will come again`;
      log({ level: 'warning', category: 'host', functionName, message: `${told}: ${errorMessage(error)}` });
    }
  };

  const process = async (message: ServiceBusReceivedMessage): Promise<void> => {
    outage = undefined;
    const traceParent = message.applicationProperties?.['Diagnostic-Id'];
    try {
      await options.run(
        messageData(message.body),
        messageMetadata(message),
        typeof traceParent === 'string' ? traceParent : undefined,
      );
    } catch {
      // Logged where it was run. Azure's processor abandons at once, without any back-off.
      await settle(message, 'abandon');
      return;
    }
    if (autoComplete) await settle(message, 'complete');
  };

  const subscription = receiver.subscribe(
    {
      processMessage: (message) => options.running.track(process(message)),
      processError: ({ error }) => {
        const told = errorMessage(error);
        // The SDK reports each attempt of an outage, several a second.
        if (told !== outage) log({ level: 'warning', category: 'host', functionName, message: `receiving: ${told}` });
        outage = told;
        return Promise.resolve();
      },
    },
    { autoCompleteMessages: false, maxConcurrentCalls: settings.maxConcurrentCalls },
  );

  return { stop: () => subscription.close() };

  function createReceiver(client: ServiceBusClient, entity: ServiceBusTriggerOptions['entity']): ServiceBusReceiver {
    const receiverOptions = {
      receiveMode: 'peekLock',
      skipParsingBodyAsJson: true,
      maxAutoLockRenewalDurationInMs: settings.maxAutoLockRenewalDuration,
    } as const;
    return 'queue' in entity
      ? client.createReceiver(entity.queue, receiverOptions)
      : client.createReceiver(entity.topic, entity.subscription, receiverOptions);
  }
}
