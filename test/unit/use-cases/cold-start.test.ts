import { describe, expect, it } from 'vitest';
import { signClientState } from '../../../shared/domain/client-state.ts';
import { TransientError } from '../../../shared/errors.ts';
import { startApp } from '../../support/app-under-test.ts';
import { aNotification, INBOX_KEY, MAILBOX, TENANT } from '../../support/builders.ts';
import { aSigningKey } from '../../support/fakes/key-ring-fake.ts';
import { makeWorld, START } from '../../support/in-memory-ports.ts';

const key = aSigningKey('first', new Date(START - 86_400_000));
const clientState = signClientState(key, { tenant: TENANT, mailbox: MAILBOX, folder: INBOX_KEY });
const post = { value: [aNotification({ clientState })] };
const never = new AbortController().signal;

/** A process whose read of the keys takes 800 ms. */
function aColdStart() {
  const world = makeWorld();
  world.keys.keys = [key];
  return { world, app: startApp(world, {}, (call) => (call === 'keys.refresh' ? 800 : 0)) };
}

describe('the POST that wakes an instance', () => {
  it('waits for the keys that are being read and is accepted [F14]', async () => {
    const { world, app } = aColdStart();
    const reading = app.ports.keys.refresh();
    const receipt = app.receiveNotifications(post, never);
    await world.clock.runUntilDone(reading);
    expect(await receipt).toEqual({ kind: 'accepted', rings: 1, refused: 0 });
    expect(app.gate.count('keys.')).toBe(1);
  });

  it('is refused when the keys cannot be read', async () => {
    const { world, app } = aColdStart();
    app.gate.inject({ call: 'keys.refresh', kind: 'error', error: () => new TransientError('storage:down') });
    const reading = app.ports.keys.refresh().catch(() => undefined);
    const receipt = app.receiveNotifications(post, never).catch((error: unknown) => error);
    await world.clock.runUntilDone(reading);
    expect(await receipt).toBeInstanceOf(TransientError);
    expect(world.workQueue.sent).toEqual([]);
  });

  it('never makes the app read the keys', async () => {
    const { app } = aColdStart();
    await expect(app.receiveNotifications(post, never)).rejects.toThrow(TransientError);
    expect(app.gate.count('keys.')).toBe(0);
  });
});
