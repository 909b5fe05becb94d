import { app } from '@azure/functions';
import { services } from '../shared/services.ts';
import { timer } from '../shared/triggers/timer.ts';

if (services)
  app.timer('reconcileMailboxes', {
    schedule: services.config.reconcileSchedule,
    // Nobody waits up to a minute for the first subscription, and an app that was down catches up at once.
    runOnStartup: true,
    handler: timer(services.reconcileMailboxes),
  });
