import { app } from '@azure/functions';
import { services } from '../shared/services.ts';
import { timer } from '../shared/triggers/timer.ts';

if (services)
  app.timer('renewSubscriptions', {
    schedule: services.config.renewSchedule,
    handler: timer(services.renewSubscriptions),
  });
