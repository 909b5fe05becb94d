import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { appMark } from '../../shared/adapters/graph/graph-subscriptions.ts';
import { TransientError } from '../../shared/errors.ts';
import {
  APP,
  MARK,
  TENANT,
  USER,
  addFolder,
  emulator,
  endpoint,
  failureOf,
  folderOf,
  openSubscriptions,
  reset,
  shakeHands,
  strike,
  useGraph,
} from './graph-fixture.ts';

useGraph();

describe('the keeper of subscriptions', () => {
  const request = (folderId: string, changes = {}) => ({
    mailbox: USER.id,
    folderId,
    clientState: 'state',
    minutes: 10_020,
    ...changes,
  });
  const create = async (changes = {}) => openSubscriptions().create(request(await folderOf('inbox'), changes));

  it('asks for immutable ids, both addresses with our mark, and new mail only [F24]', async () => {
    reset();
    await create();
    expect(emulator.control.subscriptions()).toMatchObject([
      {
        immutableIds: true,
        changeType: 'created',
        clientState: 'state',
        notificationUrl: `${endpoint.url}/api/notifications?app=${MARK}`,
        lifecycleNotificationUrl: `${endpoint.url}/api/lifecycle-notifications?app=${MARK}`,
      },
    ]);
  });

  it.each(['refuse', 'twist'] as const)('says that our endpoint did not pass the handshake (%s) [F22]', async (how) => {
    reset();
    shakeHands(how);
    expect(await create()).toMatchObject({ kind: 'endpoint-refused' });
  });

  it('says that our endpoint did not answer the handshake in time [F22]', async () => {
    reset();
    strike({
      kind: 'subscriptionCreate',
      status: 400,
      code: 'InvalidRequest',
      message: 'Subscription validation request timed out.',
    });
    expect(await create()).toMatchObject({ kind: 'endpoint-refused' });
  });

  it('says that the mailbox has as many subscriptions as it may [F29]', async () => {
    reset();
    emulator.control.setKnobs({ subscriptionsPerMailbox: 1 });
    await create();
    const archive = await folderOf('archive');
    expect(await openSubscriptions().create(request(archive))).toMatchObject({ kind: 'quota' });
  });

  it.each([
    ['accessDenied', 'no-access'],
    ['accessDeniedByPolicy', 'no-access'],
    ['notEnabled', 'not-found'],
  ] as const)('says that the mailbox is out of reach: %s', async (state, trouble) => {
    reset();
    const inbox = await folderOf('inbox');
    emulator.control.setMailboxState(USER.id, state);
    expect(await openSubscriptions().create(request(inbox))).toMatchObject({ kind: 'unavailable', trouble });
  });

  it('says that the mailbox is not there', async () => {
    reset();
    const outcome = await openSubscriptions().create(request('inbox', { mailbox: randomUUID() }));
    expect(outcome).toMatchObject({ kind: 'unavailable', trouble: 'not-found' });
  });

  it.each([429, 500, 503])('rejects with TransientError for %i', async (status) => {
    reset();
    strike({ kind: 'subscriptionCreate', status, retryAfter: 60 });
    expect(await failureOf(create())).toBeInstanceOf(TransientError);
  });

  it('shows a foreign subscription of the same app as not ours, also with our mark elsewhere in its address [F24]', async () => {
    reset();
    const folders = await Promise.all(['inbox', 'archive', 'drafts'].map(folderOf));
    const [ours = '', other = '', tricky = ''] = folders;
    await openSubscriptions().create(request(ours));
    await openSubscriptions('anothermark').create(request(other));
    await openSubscriptions(`x&x=app=${MARK}`).create(request(tricky));
    const listed = await openSubscriptions().list();
    expect(listed.map((item) => item.ours)).toEqual([true, false, false]);
  });

  it('knows its mark whatever the letter case of its parts, and tells installations apart [F24]', () => {
    expect(appMark(TENANT.toUpperCase(), APP, 'BUS.contoso.example')).toBe(MARK);
    expect(appMark(TENANT, APP, 'bus2.contoso.example')).not.toBe(MARK);
  });

  it('renews twenty in one request [F26]', async () => {
    reset();
    const ids: string[] = [];
    for (let number = 0; number < 20; number++) {
      const outcome = await openSubscriptions().create(request(await addFolder(USER.id, `f${number}`)));
      ids.push(outcome.kind === 'created' ? outcome.subscription.id : outcome.kind);
    }
    const before = emulator.counters().httpRequests;
    const outcomes = await openSubscriptions().renew(ids.map((id) => ({ id, minutes: 10_020 })));
    expect(outcomes.every(({ kind }) => kind === 'renewed')).toBe(true);
    expect(emulator.counters().httpRequests - before).toBe(1);
  });

  it('gives each part of a batch its own outcome [F27]', async () => {
    reset();
    const folders = await Promise.all(['inbox', 'archive', 'drafts'].map(folderOf));
    const granted = await Promise.all(folders.map((folder) => openSubscriptions().create(request(folder))));
    const [one = '', two = '', three = ''] = granted.map((outcome) =>
      outcome.kind === 'created' ? outcome.subscription.id : '',
    );
    strike({ kind: 'subscriptionRenew', path: one, status: 429, retryAfter: 10 });
    strike({ kind: 'subscriptionRenew', path: two, status: 403, code: 'ErrorAccessDenied' });
    const minutes = 10_020;
    expect(await openSubscriptions().renew([one, two, three].map((id) => ({ id, minutes })))).toMatchObject([
      { kind: 'failed', code: 'TooManyRequests' },
      { kind: 'unavailable', trouble: 'no-access' },
      { kind: 'renewed' },
    ]);
  });
});
