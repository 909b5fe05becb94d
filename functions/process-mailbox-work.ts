import { app } from '@azure/functions';
import { services } from '../shared/services.ts';
import { queueConsumer } from '../shared/triggers/queue-consumer.ts';

if (services)
  app.serviceBusQueue('processMailboxWork', {
    connection: 'ServiceBus',
    queueName: services.config.workQueue,
    cardinality: 'one',
    handler: queueConsumer(services.processMailboxWork),
  });
