import { app } from '@azure/functions';
import { services } from '../shared/services.ts';
import { adminEndpoint } from '../shared/triggers/admin-endpoint.ts';

if (services)
  app.http('manageMailboxes', {
    route: 'mailboxes/{id?}/{action?}',
    methods: ['GET', 'POST', 'DELETE'],
    authLevel: 'function',
    handler: adminEndpoint(services.manageMailboxes, services.authorize),
  });
