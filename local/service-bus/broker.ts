import type { StepObserver } from '../observed-step.ts';
import { AmqpServer } from './amqp-server.ts';
import type { BrokerCounters } from './counters.ts';
import type { Fault } from './faults.ts';
import { closeLinks, makeLinkRouter } from './link-router.ts';
import { Namespace } from './namespace.ts';
import type { PeekedMessage } from './peeked-message.ts';
import { toPeekedMessage } from './peeked-message.ts';
import type { QueueDefinition } from './queue-definition.ts';
import type { SasRule } from './sas-token.ts';
import { LOCAL_SAS_RULE } from './sas-token.ts';

export { parseQueueDefinitions } from './queue-definition.ts';

export interface ServiceBusBrokerOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  readonly queues: readonly QueueDefinition[];
  /** The queues' clock in milliseconds; the real one by default. A clock that jumps needs `tick()`. */
  readonly now?: () => number;
  /** The largest message or batch in bytes. Default 262144, as in the Standard tier. */
  readonly maxMessageSize?: number;
  /** The shared access rule that clients must sign with. */
  readonly rule?: SasRule;
  /** Sees every message handed out, every transfer taken in and every settlement over a link. */
  readonly onStep?: StepObserver | undefined;
}

/** How many messages a queue holds, by what can be done with them. */
export interface QueueState {
  /** Ready to be received. */
  readonly active: number;
  readonly scheduled: number;
  /** Received and not yet settled. */
  readonly locked: number;
  /** In the dead-letter sub-queue. */
  readonly deadLettered: number;
}

/** A Service Bus namespace on the loopback interface. */
export interface ServiceBusBroker {
  readonly port: number;
  readonly connectionString: string;
  counters(): BrokerCounters;
  queueState(name: string): QueueState;
  /** Everything in a queue (or in its dead-letter sub-queue) in order of sequence number; nothing is touched. */
  peekAll(name: string, part?: 'messages' | 'dead-letters'): PeekedMessage[];
  /** Lets happen what is due, for clocks that jump. */
  tick(): void;
  /** Forgets messages, locks, message ids, figures and faults. Connections stand. */
  reset(): void;
  /** Hangs: accepts nothing, answers nothing. */
  pause(): void;
  resume(): void;
  /** Cuts all connections; clients may connect again at once. */
  dropConnections(): void;
  /** Puts a fault in force; the returned function removes it. */
  setFault(fault: Fault): () => void;
  clearFaults(): void;
  close(): Promise<void>;
}

const STANDARD_TIER_MESSAGE_SIZE = 262_144;

/** Starts the broker. Rejects when it cannot listen on the port. */
export async function startServiceBusBroker(options: ServiceBusBrokerOptions): Promise<ServiceBusBroker> {
  const rule = options.rule ?? LOCAL_SAS_RULE;
  const namespace = new Namespace({
    queues: options.queues,
    now: options.now ?? Date.now,
    maxMessageSize: options.maxMessageSize ?? STANDARD_TIER_MESSAGE_SIZE,
    onStep: options.onStep,
  });
  const server = new AmqpServer({
    ...makeLinkRouter(namespace, rule),
    onConnection: () => {
      namespace.counters.connections += 1;
    },
  });
  const port = await server.listen(options.port ?? 0);

  return {
    port,
    connectionString: `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=${rule.keyName};SharedAccessKey=${rule.key};UseDevelopmentEmulator=true;`,
    counters: () => namespace.counters.snapshot(),
    queueState: (name) => {
      const { main, deadLetters } = namespace.queue(name);
      const { ready, scheduled, locked } = main.counts();
      return { active: ready, scheduled, locked, deadLettered: deadLetters.counts().total };
    },
    peekAll: (name, part = 'messages') => {
      const queue = namespace.queue(name);
      const store = part === 'messages' ? queue.main : queue.deadLetters;
      return store.peek(0, Infinity).map(toPeekedMessage);
    },
    tick: () => {
      namespace.tick();
    },
    reset: () => {
      namespace.reset();
    },
    pause: () => {
      namespace.frozen = true;
      server.freeze();
    },
    resume: () => {
      namespace.frozen = false;
      server.thaw();
      namespace.wakeAll();
    },
    dropConnections: () => {
      server.drop();
    },
    setFault: (fault) => setFault(namespace, server, fault),
    clearFaults: () => {
      namespace.faults.clear();
    },
    close: async () => {
      namespace.stop();
      await server.close();
      namespace.stop();
    },
  };
}

function setFault(namespace: Namespace, server: AmqpServer, fault: Fault): () => void {
  const queue = namespace.queue(fault.queue);
  if (fault.kind === 'expire-locks') {
    queue.main.expireLocks();
    queue.deadLetters.expireLocks();
    namespace.watch(queue);
    return () => {};
  }
  const remove = namespace.faults.add(fault);
  if (fault.kind === 'disable-queue') closeLinks(server.peers, fault.queue, fault.as);
  return remove;
}
