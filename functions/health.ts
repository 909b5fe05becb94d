import { app } from '@azure/functions';
import { problems } from '../shared/services.ts';

app.http('health', {
  route: 'health',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: () =>
    problems.length === 0
      ? { status: 200, jsonBody: { status: 'ok' } }
      : { status: 503, jsonBody: { status: 'settings are wrong', problems } },
});
