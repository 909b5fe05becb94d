import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { judgeNotifications } from '../../../shared/domain/change-notification.ts';
import { type KeyRing, signClientState } from '../../../shared/domain/client-state.ts';
import { INBOX_KEY } from '../../support/builders.ts';
import { aSigningKey } from '../../support/fakes/key-ring-fake.ts';
import { postedPayload } from '../../support/payloads.ts';

const TENANT = '6f1c2a9e-4b7d-4d0e-9a35-2c8e51b7d410';
const FABRIKAM = 'b2d40c75-91fe-4a6b-8c1d-7e0f3a95c268';
const AMARA = '1e52b8d7-3a94-4c6f-8f20-d61b90e7a3c5';
const SALES = '94c0f3e6-7d18-4b52-a8ee-05f3c1b7d92a';
const key = aSigningKey('first', new Date(0));
const keys: KeyRing = { signing: key, accepted: new Map([[key.id, key]]) };

/** The mailbox that each subscription of the payloads is about. */
const OWNERS: Record<string, { tenant: string; mailbox: string }> = {
  'a7d3e5c1-20f9-4b86-9d47-8c13f60ab2e4': { tenant: TENANT, mailbox: AMARA },
  'e04f8a63-19bc-4d75-b0c2-6a7d5183f9ec': { tenant: TENANT, mailbox: AMARA },
  '5b90c4d2-e61a-47f3-8a2d-f3097e15cb68': { tenant: FABRIKAM, mailbox: SALES },
};

/** A payload with the clientState that this app would have given each subscription. */
function signed(name: string) {
  const value = postedPayload(name).value.map((item) => {
    const owner = OWNERS[String(item.subscriptionId)];
    if (!owner) throw new Error(`no owner of ${String(item.subscriptionId)}`);
    return { ...item, clientState: signClientState(key, { ...owner, folder: INBOX_KEY }) };
  });
  return { ...postedPayload(name), value };
}

const ringOf = (mailbox: string, ids: string[], look?: string) => ({
  mailbox,
  folders: [INBOX_KEY],
  ids,
  ...(look && { look }),
});
const idsIn = (name: string) =>
  postedPayload(name).value.map((item) => z.object({ id: z.string() }).parse(item.resourceData).id);

describe('a POST of Graph', () => {
  it('with several mails of one mailbox becomes one ring, and the item of another tenant is refused [F06, T31]', () => {
    const name = 'notification-basic-3-items-2-subscriptions';
    const [first = '', , third = ''] = idsIn(name);
    expect(judgeNotifications(signed(name), TENANT, keys)).toEqual({
      rings: [ringOf(AMARA, [first, third])],
      refused: 1,
    });
  });

  it('names a guest mailbox with its tenant, in any letter case', () => {
    const name = 'notification-basic-3-items-2-subscriptions';
    const [, second = ''] = idsIn(name);
    expect(judgeNotifications(signed(name), FABRIKAM, keys)).toEqual({ rings: [ringOf(SALES, [second])], refused: 2 });
  });

  it('about a move names the mail once', () => {
    const name = 'notification-move-pair';
    expect(judgeNotifications(signed(name), TENANT, keys)).toEqual({
      rings: [ringOf(AMARA, idsIn(name).slice(0, 1))],
      refused: 0,
    });
  });

  it('with encrypted content is a doorbell like any other [T08, T09]', () => {
    const name = 'notification-rich-shape';
    expect(judgeNotifications(signed(name), TENANT, keys)).toEqual({ rings: [ringOf(AMARA, idsIn(name))], refused: 0 });
  });

  it.each([
    ['lifecycle-missed', TENANT, AMARA, 'missed'],
    ['lifecycle-reauthorization-required', TENANT, AMARA, 'renew'],
    ['lifecycle-subscription-removed', FABRIKAM, SALES, 'removed'],
  ])('with %s asks for a look [F15]', (name, tenant, mailbox, look) => {
    expect(judgeNotifications(signed(name), tenant, keys)).toEqual({ rings: [ringOf(mailbox, [], look)], refused: 0 });
  });

  it('with several lifecycle events loses the wish of none', () => {
    const judged = judgeNotifications(signed('lifecycle-mixed-batch'), TENANT, keys);
    // Renewal includes the look that "missed" asks for.
    expect(judged).toEqual({ rings: [ringOf(AMARA, [], 'renew')], refused: 1 });
  });

  it.each([
    'notification-basic-3-items-2-subscriptions',
    'notification-move-pair',
    'notification-rich-shape',
    'lifecycle-missed',
    'lifecycle-mixed-batch',
    'lifecycle-reauthorization-required',
    'lifecycle-subscription-removed',
  ])('as somebody else would send it rings nobody: %s [T01]', (name) => {
    const payload = postedPayload(name);
    expect(judgeNotifications(payload, TENANT, keys)).toEqual({ rings: [], refused: payload.value.length });
  });
});

describe('an item', () => {
  const [genuine = {}] = signed('notification-rich-shape').value;
  const judge = (changes: Record<string, unknown>) =>
    judgeNotifications({ value: [{ ...genuine, ...changes }] }, TENANT, keys);

  it.each([
    `users/${AMARA}/messages/x`,
    `/Users/${AMARA.toUpperCase()}/Messages/x`,
    `Users('${AMARA}')/Messages('x')`,
    `users/${AMARA}@${TENANT}/messages/x`,
    "me/mailFolders('inbox')/messages",
    '',
    null,
    undefined,
  ])('whose resource is %o belongs to the mailbox of its clientState', (resource) => {
    expect(judge({ resource })?.rings).toHaveLength(1);
  });

  it.each([`users/${SALES}/messages/x`, `Users('${SALES}')/Messages('x')`, `users/${SALES}@${TENANT}/messages/x`])(
    'whose resource names another mailbox is refused: %s [T10]',
    (resource) => {
      expect(judge({ resource })).toEqual({ rings: [], refused: 1 });
    },
  );

  it('of another tenant is refused although it carries a clientState of ours [T31]', () => {
    expect(judge({ tenantId: FABRIKAM })).toEqual({ rings: [], refused: 1 });
    expect(judge({ tenantId: TENANT.toUpperCase() })?.rings).toHaveLength(1);
  });

  it.each([
    ['a path', '../../users/x'],
    ['a slash', 'AAkA/x'],
    ['a quote', "AAkA')/x"],
    ['a space', 'AAkA x'],
    ['too much', 'A'.repeat(513)],
    ['nothing', ''],
  ])('whose id is no id (%s) still asks for a look, and its id goes nowhere [T10, T13]', (_, id) => {
    expect(judge({ resourceData: { id } })?.rings).toEqual([ringOf(AMARA, [], 'notified')]);
  });

  it.each([null, undefined, {}, { id: null }])('without a mail (%o) still asks for a look', (resourceData) => {
    expect(judge({ resourceData })?.rings).toEqual([ringOf(AMARA, [], 'notified')]);
  });

  it('of a change type nobody knows yet is a doorbell [F08]', () => {
    expect(judge({ changeType: 'transmogrified', resourceData: null })?.rings).toHaveLength(1);
  });

  it.each(['toString', '__proto__', 'constructor', 'hasOwnProperty'])(
    'with the lifecycle event %s asks for a look [F15, T06]',
    (lifecycleEvent) => {
      expect(judge({ lifecycleEvent })?.rings).toEqual([ringOf(AMARA, [], 'missed')]);
    },
  );

  it.each([null, 5, 'x', [], {}, { value: [] }])('that is no item is refused alone: %o [F08]', (odd) => {
    expect(judgeNotifications({ value: [odd, genuine] }, TENANT, keys)).toMatchObject({
      refused: 1,
      rings: [{ mailbox: AMARA }],
    });
  });

  it('is judged alone: a forged one beside it changes nothing [F06]', () => {
    const forged = { ...genuine, resourceData: { id: 'AAkAforged' }, clientState: 'x' };
    const judged = judgeNotifications({ value: [forged, genuine, forged] }, TENANT, keys);
    expect(JSON.stringify(judged?.rings)).not.toContain('forged');
    expect(judged?.refused).toBe(2);
  });
});

it.each([
  undefined,
  null,
  5,
  'x',
  [],
  {},
  { value: null },
  { value: 'x' },
  { value: Array.from({ length: 10_001 }, () => ({})) },
])('what is no collection is not judged at all', (body) => {
  expect(judgeNotifications(body, TENANT, keys)).toBeUndefined();
});
