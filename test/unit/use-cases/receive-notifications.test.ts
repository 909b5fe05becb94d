import { beforeEach, describe, expect, it } from 'vitest';
import { signClientState } from '../../../shared/domain/client-state.ts';
import { encodeRing } from '../../../shared/domain/work-item.ts';
import { TransientError } from '../../../shared/errors.ts';
import { type App, startApp } from '../../support/app-under-test.ts';
import { aNotification, INBOX_KEY, MAILBOX, TENANT } from '../../support/builders.ts';
import { aSigningKey } from '../../support/fakes/key-ring-fake.ts';
import { makeWorld, START, type World } from '../../support/in-memory-ports.ts';

const OTHER = '99999999-2222-4333-8444-555555555555';
const key = aSigningKey('first', new Date(START - 86_400_000));
const stateFor = (mailbox = MAILBOX, folder = INBOX_KEY) => signClientState(key, { tenant: TENANT, mailbox, folder });
const never = new AbortController().signal;

let world: World;
let app: App;
beforeEach(async () => {
  world = makeWorld();
  world.keys.keys = [key];
  app = startApp(world);
  await app.ports.keys.refresh();
  app.gate.calls.length = 0;
});

const receive = (...value: unknown[]) => app.receiveNotifications({ value }, never);
const rings = () => world.workQueue.sent.map(({ ring }) => ring);
const lifecycle = (lifecycleEvent: string) => ({
  subscriptionId: '50b5c41b-0000-4000-a000-000000000001',
  subscriptionExpirationDateTime: '2026-10-19T08:00:00Z',
  tenantId: TENANT,
  clientState: stateFor(),
  lifecycleEvent,
});

describe('genuine notifications', () => {
  it('become one ring for each folder, with every id once, in one send', async () => {
    const sales = stateFor(MAILBOX, 'salesfolder');
    const receipt = await receive(
      aNotification({ clientState: stateFor(), id: 'AAkA1=' }),
      aNotification({ clientState: stateFor(), id: 'AAkA2=' }),
      aNotification({ clientState: stateFor(), id: 'AAkA1=' }),
      aNotification({ clientState: sales, id: 'AAkA3=' }),
      aNotification({ clientState: stateFor(OTHER), mailbox: OTHER, id: 'AAkA4=' }),
    );
    expect(receipt).toEqual({ kind: 'accepted', rings: 3, refused: 0 });
    expect(rings()).toEqual([
      { mailbox: MAILBOX, folders: [INBOX_KEY], ids: ['AAkA1=', 'AAkA2='] },
      { mailbox: MAILBOX, folders: ['salesfolder'], ids: ['AAkA3='] },
      { mailbox: OTHER, folders: [INBOX_KEY], ids: ['AAkA4='] },
    ]);
    expect(app.gate.calls).toEqual(['workQueue.send']);
  });

  it.each([
    ['reauthorizationRequired', 'renew'],
    ['subscriptionRemoved', 'removed'],
    ['missed', 'missed'],
    ['somethingNew', 'missed'],
  ])('of the lifecycle kind %s ask for a look (%s), on whichever route they come [F15]', async (event, look) => {
    await receive(lifecycle(event));
    expect(rings()).toEqual([{ mailbox: MAILBOX, folders: [INBOX_KEY], ids: [], look }]);
  });

  it.each(['subscriptionRemoved', 'reauthorizationRequired'])('keep the wish of %s beside new mail', async (event) => {
    await receive(aNotification({ clientState: stateFor(), id: 'AAkA1=' }), lifecycle(event), lifecycle('missed'));
    const looks = rings().map((ring) => ring.look);
    expect(looks).toContain(event === 'subscriptionRemoved' ? 'removed' : 'renew');
    expect(rings().flatMap((ring) => ring.ids)).toEqual(['AAkA1=']);
  });

  it.each([
    `Users/${MAILBOX}/Messages/AAkA1=`,
    `users/${MAILBOX.toUpperCase()}/messages/AAkA1=`,
    `Users('${MAILBOX}')/Messages('AAkA1=')`,
    `Users/${MAILBOX}@${TENANT}/MailFolders('x')/Messages('AAkA1=')`,
    `/users/${MAILBOX}/messages/AAkA1=`,
    'me/messages/AAkA1=',
    '',
    null,
  ])('are accepted with the resource %j [F08]', async (resource) => {
    const item = { ...aNotification({ clientState: stateFor(), id: 'AAkA1=' }), resource };
    expect(await receive(item)).toMatchObject({ rings: 1, refused: 0 });
  });

  it.each([{ id: '../../users' }, { id: 'a b' }, { id: '' }, { id: 'x'.repeat(600) }, {}, null])(
    'without a usable id (%j) still ring',
    async (resourceData) => {
      await receive({ ...aNotification({ clientState: stateFor() }), resourceData });
      expect(rings()).toEqual([{ mailbox: MAILBOX, folders: [INBOX_KEY], ids: [], look: 'notified' }]);
    },
  );

  it('in a POST of a thousand items go out as rings that each fit a message [F07]', async () => {
    const items = Array.from({ length: 2_000 }, (_, index) =>
      aNotification({
        clientState: stateFor(),
        id: `AAkALgAAAAAAHYQDEapmEc2byACqAC${String(index).padEnd(120, 'x')}=`,
      }),
    );
    await receive(...items);
    expect(rings().flatMap((ring) => ring.ids)).toHaveLength(2_000);
    expect(Math.max(...rings().map((ring) => Buffer.byteLength(encodeRing(ring))))).toBeLessThanOrEqual(100_000);
    expect(app.gate.count('workQueue.send')).toBe(1);
  });
});

describe('what does not verify', () => {
  it('is dropped item by item while the rest is accepted [F06]', async () => {
    const receipt = await receive(
      aNotification({ clientState: 'guessed' }),
      aNotification({ clientState: stateFor(), id: 'AAkA1=' }),
      aNotification({ clientState: stateFor(), tenant: '00000000-0000-4000-8000-000000000000' }),
      aNotification({ clientState: stateFor(), mailbox: OTHER }),
      null,
      'text',
      {},
      { ...aNotification({ clientState: stateFor() }), clientState: undefined },
      { ...aNotification({ clientState: stateFor() }), tenantId: 7 },
    );
    expect(receipt).toEqual({ kind: 'accepted', rings: 1, refused: 8 });
    expect(rings().flatMap((ring) => ring.ids)).toEqual(['AAkA1=']);
  });

  it('causes no send, no read and no Graph call, whatever it says [T01, T32]', async () => {
    await receive(...Array.from({ length: 500 }, () => aNotification({ clientState: 'forged' })), lifecycle('missed'));
    world.workQueue.sent.length = 0;
    app.gate.calls.length = 0;
    await receive(...Array.from({ length: 500 }, () => aNotification({ clientState: 'forged' })));
    expect(app.gate.calls).toEqual([]);
  });

  it.each([undefined, null, [], {}, { value: {} }, { value: 'x' }, 7])('is no collection: %j', async (body) => {
    expect(await app.receiveNotifications(body, never)).toEqual({ kind: 'malformed' });
  });
});

describe('an endpoint that cannot keep a ring', () => {
  it('does not take notifications while the keys are not loaded [F09]', async () => {
    const fresh = startApp(world);
    await expect(fresh.receiveNotifications({ value: [] }, never)).rejects.toBeInstanceOf(TransientError);
  });

  it('does not take them when the queue refuses [F09]', async () => {
    app.gate.inject({ call: 'workQueue.send', kind: 'error' });
    await expect(receive(aNotification({ clientState: stateFor() }))).rejects.toBeInstanceOf(TransientError);
  });

  it('gives up when its time is over [F09]', async () => {
    const slow = startApp(world, {}, () => 60_000);
    void slow.ports.keys.refresh();
    await world.clock.advance(60_000);
    const abort = new AbortController();
    const receiving = slow.receiveNotifications({ value: [aNotification({ clientState: stateFor() })] }, abort.signal);
    abort.abort();
    await expect(receiving).rejects.toBeInstanceOf(TransientError);
  });
});
