// There is no page: what a browser could be made to open is JSON, and holds nothing that a mail says.
import type { HttpMethod, HttpResponseInit } from '@azure/functions';
import { expect, it } from 'vitest';
import { adminEndpoint } from '../../../shared/triggers/admin-endpoint.ts';
import { oneMailbox, ringFor, ringUp, runRings } from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';
import { anInvocation, aRequest } from '../../support/invocation.ts';

const SCRIPT = '<script>alert(1)</script>';

it('every answer to the administrator is JSON or empty, and none says what a mail says [T18]', async () => {
  const { world, app } = oneMailbox();
  const said = { name: SCRIPT, address: 'swordfish@sender.example' };
  const mail = world.mailboxes.add(
    MAILBOX,
    aMail({ subject: SCRIPT, from: said, sender: said, body: { contentType: 'html', content: SCRIPT } }),
    { shape: 'partial', breaks: 100 },
  );
  await ringUp(app, ringFor(mail));
  await runRings(world, app, 24 * 3_600_000);

  const asked: [HttpMethod, { id?: string; action?: string }][] = [
    ['GET', {}],
    ['GET', { id: MAILBOX }],
    ['GET', { id: SCRIPT }],
    ['POST', {}],
    ['POST', { id: MAILBOX, action: 'sync' }],
    ['POST', { id: MAILBOX, action: SCRIPT }],
    ['DELETE', { id: MAILBOX }],
  ];
  const answers: HttpResponseInit[] = [];
  for (const [method, params] of asked) {
    const url = `https://ingest.test/api/mailboxes/${encodeURIComponent(params.id ?? '')}`;
    const request = aRequest({ method, url, params: { ...params } });
    answers.push(await adminEndpoint(app.manageMailboxes, () => Promise.resolve(undefined))(request, anInvocation()));
  }
  expect(answers.map(({ body, headers }) => [body, headers])).toEqual(asked.map(() => [undefined, undefined]));
  expect(JSON.stringify(answers[1]?.jsonBody)).toContain(mail.id);
  expect(JSON.stringify(answers)).not.toMatch(/script|swordfish/);
});
