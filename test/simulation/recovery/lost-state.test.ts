import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { messageIdOf } from '../../../shared/domain/delivery.ts';
import { TENANT } from '../../support/builders.ts';
import { HOUR, Installation, MINUTE, usualLatency } from './installation.ts';

const event = z.looseObject({ id: z.string() });

/** CloudEvents ids that the CRM got, which stay the same in a replay. */
const eventIds = (installation: Installation) =>
  installation.stores.crmQueue.events.map(({ body }) => event.parse(JSON.parse(body)).id);

/** An installation whose tables are gone after some hours, with mail before, during and after. */
async function afterTheLoss() {
  const installation = await Installation.ready({ mailboxes: 3 });
  installation.terms.latency = usualLatency;
  const ids: { before: string[]; during: string[]; after: string[] } = { before: [], during: [], after: [] };
  const mailIn = async (span: string[]) => {
    for (let n = 0; n < 12; n++) {
      for (const mailbox of installation.ids) span.push(messageIdOf(TENANT, mailbox, installation.deliver(mailbox).id));
      await installation.run(5 * MINUTE);
    }
  };
  await mailIn(ids.before);
  const lostAt = installation.time.now();
  installation.killAll();
  const { deliveries, folders } = installation.stores;
  for (const mailbox of installation.ids) deliveries.remove(mailbox);
  folders.rows.clear();
  folders.orphans.clear();
  await mailIn(ids.during);
  installation.start();
  installation.start();
  await installation.run(2 * MINUTE);
  await mailIn(ids.after);
  return { installation, lostAt, ids };
}

describe('tables that are lost', () => {
  it('are made anew from settings and Graph: one live subscription each, and mail flows again [F80]', async () => {
    const { installation, ids } = await afterTheLoss();
    const { subscriptions, folders } = installation.stores;
    await installation.run(2 * HOUR);
    expect(folders.all().map(({ state }) => state)).toEqual(['active', 'active', 'active']);
    expect(
      subscriptions
        .live()
        .map(({ mailbox }) => mailbox)
        .toSorted(),
    ).toEqual(installation.ids);
    expect(eventIds(installation)).toEqual(expect.arrayContaining([...ids.before, ...ids.after]));
    expect(new Set(eventIds(installation)).size).toBe(eventIds(installation).length);
  });

  it('cost no mail once the operator has the time since the loss sent again [F80]', async () => {
    const { installation, lostAt, ids } = await afterTheLoss();
    const [one] = installation.apps;
    const since = new Date(lostAt - HOUR / 2);
    for (const mailbox of installation.ids)
      await installation.ask(async () => one?.app.manageMailboxes.sync(mailbox, false, since));
    await installation.run(HOUR);
    expect(new Set(eventIds(installation))).toEqual(new Set([...ids.before, ...ids.during, ...ids.after]));
  });
});
