import { app } from '@azure/functions';
import { services } from '../shared/services.ts';
import { notificationEndpoint } from '../shared/triggers/notification-endpoint.ts';

app.http('receiveNotifications', {
  route: 'notifications',
  methods: ['POST'],
  authLevel: 'anonymous',
  handler: notificationEndpoint(services?.receiveNotifications),
});
