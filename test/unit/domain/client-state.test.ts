import { describe, expect, it } from 'vitest';
import { type KeyRing, signClientState, verifyClientState } from '../../../shared/domain/client-state.ts';
import { folderKey } from '../../../shared/domain/delta.ts';
import { INBOX_KEY, MAILBOX, TENANT } from '../../support/builders.ts';
import { aSigningKey } from '../../support/fakes/key-ring-fake.ts';

const key = aSigningKey('first', new Date(0));
const older = aSigningKey('older', new Date(0));
const keys: KeyRing = { signing: key, accepted: new Map([key, older].map((item) => [item.id, item])) };
const slot = { tenant: TENANT, mailbox: MAILBOX, folder: INBOX_KEY };
const clientState = signClientState(key, slot);

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/= \u0000é';

describe('a clientState', () => {
  it('tells which mailbox and folder it was made for', () => {
    expect(verifyClientState(keys, TENANT, clientState)).toEqual({
      genuine: true,
      mailbox: MAILBOX,
      folder: INBOX_KEY,
      keyId: 'first',
    });
  });

  it('fits the 128 characters that Graph allows, with room', () => {
    expect(clientState.length).toBeLessThanOrEqual(90);
    expect(signClientState(aSigningKey('12345678', new Date(0)), slot).length).toBeLessThanOrEqual(128);
  });

  it('is not genuine with any one character replaced, by any other [T01]', () => {
    const accepted: string[] = [];
    for (let position = 0; position < clientState.length; position++)
      for (const character of ALPHABET) {
        if (character === clientState[position]) continue;
        const tampered = clientState.slice(0, position) + character + clientState.slice(position + 1);
        if (verifyClientState(keys, TENANT, tampered).genuine) accepted.push(tampered);
      }
    expect(accepted).toEqual([]);
  });

  it('is not genuine with a character taken out, added or swapped', () => {
    for (let position = 0; position < clientState.length; position++) {
      const without = clientState.slice(0, position) + clientState.slice(position + 1);
      const doubled = clientState.slice(0, position) + (clientState[position] ?? '') + clientState.slice(position);
      expect(verifyClientState(keys, TENANT, without).genuine).toBe(false);
      expect(verifyClientState(keys, TENANT, doubled).genuine).toBe(false);
    }
  });

  it('is not genuine for another tenant [T31]', () => {
    expect(verifyClientState(keys, '00000000-0000-4000-8000-000000000000', clientState)).toEqual({ genuine: false });
  });

  it('does not lend its signature to another mailbox or folder [T04]', () => {
    const other = signClientState(key, { ...slot, mailbox: '99999999-2222-4333-8444-555555555555' }).split('.');
    const elsewhere = signClientState(key, { ...slot, folder: folderKey('sales-id') }).split('.');
    const [version, id, mailbox, folder, mac] = clientState.split('.');
    for (const forged of [
      [version, id, other[2], folder, mac],
      [version, id, mailbox, elsewhere[3], mac],
      [version, 'older', mailbox, folder, mac],
      [version, id, mailbox, folder, other[4]],
    ])
      expect(verifyClientState(keys, TENANT, forged.join('.')).genuine).toBe(false);
  });

  it('stays genuine while its key is accepted, and no longer [F28, T04]', () => {
    const old = signClientState(older, slot);
    expect(verifyClientState(keys, TENANT, old)).toMatchObject({ genuine: true, keyId: 'older' });
    expect(verifyClientState({ signing: key, accepted: new Map([[key.id, key]]) }, TENANT, old).genuine).toBe(false);
  });

  it.each([undefined, null, 7, {}, [], '', '....', '1....', 'x'.repeat(129), `${clientState}.x`, ` ${clientState}`])(
    'is not %j',
    (value) => {
      expect(verifyClientState(keys, TENANT, value)).toEqual({ genuine: false });
    },
  );

  it('does not find keys that nobody added', () => {
    for (const id of ['__proto__', 'constructor', 'toString']) {
      const forged = [clientState.split('.')[0], id, ...clientState.split('.').slice(2)].join('.');
      expect(verifyClientState(keys, TENANT, forged).genuine).toBe(false);
    }
  });

  it('ignores the letter case of tenant and mailbox', () => {
    const upper = signClientState(key, { ...slot, tenant: TENANT.toUpperCase(), mailbox: MAILBOX.toUpperCase() });
    expect(upper).toBe(clientState);
  });

  it('is made for object ids only', () => {
    expect(() => signClientState(key, { ...slot, mailbox: 'sales@northwind.example' })).toThrow(TypeError);
  });
});
