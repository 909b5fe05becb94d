/** An AMQP error as a link, a disposition or a management answer carries it. */
export interface ServiceBusError {
  readonly condition: string;
  readonly description: string;
}

/** The sentence must hold these words: the JavaScript client tells a missing entity only by them. */
export function entityNotFound(address: string): ServiceBusError {
  return {
    condition: 'amqp:not-found',
    description: `The messaging entity '${address}' could not be found. Declare the queue in infra/queues.json or mend the name.`,
  };
}

export function entityDisabled(address: string): ServiceBusError {
  return { condition: 'com.microsoft:entity-disabled', description: `The queue '${address}' is disabled.` };
}

export function unauthorized(address: string): ServiceBusError {
  return {
    condition: 'amqp:unauthorized-access',
    description: `No accepted token covers '${address}'. Put one to $cbs before attaching the link.`,
  };
}

export function notAllowed(description: string): ServiceBusError {
  return { condition: 'amqp:not-allowed', description };
}

export const lockLost: ServiceBusError = {
  condition: 'com.microsoft:message-lock-lost',
  description:
    'The lock supplied is invalid: it expired, or the message was settled before. Receive the message again.',
};

export const messageNotFound: ServiceBusError = {
  condition: 'com.microsoft:message-not-found',
  description: 'There is no such message in this state.',
};

export const serverBusy: ServiceBusError = {
  condition: 'com.microsoft:server-busy',
  description: 'The broker was told to be busy. Wait and retry.',
};

export function quotaExceeded(queue: string): ServiceBusError {
  return {
    condition: 'amqp:resource-limit-exceeded',
    description: `The queue '${queue}' is full. Receive messages from it or from its dead-letter sub-queue.`,
  };
}

export function messageTooLarge(size: number, limit: number): ServiceBusError {
  return {
    condition: 'amqp:link:message-size-exceeded',
    description: `The transfer has ${size} bytes, the limit is ${limit}. Send less at once or use a claim check.`,
  };
}

export function decodeError(reason: string): ServiceBusError {
  return { condition: 'amqp:decode-error', description: reason };
}

export const notImplemented = (operation: string): ServiceBusError => ({
  condition: 'amqp:not-implemented',
  description: `This local broker does not support '${operation}'.`,
});
