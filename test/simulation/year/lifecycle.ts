import { TENANT } from '../../support/builders.ts';
import type { Dice } from '../dice.ts';
import type { Installation } from './installation.ts';
import { MINUTE, type Tenant, type TenantSubscription } from './tenant.ts';

type LifecycleEvent = 'subscriptionRemoved' | 'reauthorizationRequired' | 'missed';

/** Sends lifecycle notifications as Graph does: to the address the subscription names, again until a 2xx. */
export function makeLifecycle(tenant: Tenant, installation: Installation, dice: Dice) {
  async function post(subscription: TenantSubscription, event: LifecycleEvent, tries = 5): Promise<void> {
    const [running] = installation.running;
    const host = subscription.lifecycleNotificationUrl ?? '';
    const again = () =>
      tries > 0 ? void tenant.time.after(MINUTE, () => void post(subscription, event, tries - 1)) : undefined;
    if (!host.startsWith(`${installation.config.publicBaseUrl}/`)) return;
    if (!running) return again();
    const item = {
      subscriptionId: subscription.id,
      tenantId: TENANT,
      clientState: subscription.clientState,
      lifecycleEvent: event,
      resource: subscription.resource,
    };
    try {
      await installation.quietly(async () => {
        await running.ports.keys.refresh();
        return running.app.receiveNotifications({ value: [item] }, new AbortController().signal);
      });
    } catch {
      again();
    }
  }

  const ours = (share: number) => tenant.sweep().filter((item) => item.clientState !== '' && dice.chance(share));

  return {
    /** Graph removes some subscriptions, mostly with a word. */
    removeSome(share: number): void {
      for (const subscription of ours(share)) {
        tenant.end(subscription, 'removed by Graph');
        if (dice.chance(0.8)) void post(subscription, 'subscriptionRemoved');
      }
    },
    /** Graph asks for a new authorisation, more than once. */
    challengeSome(share: number): void {
      for (const subscription of ours(share))
        for (let count = dice.whole(1, 3); count > 0; count--)
          tenant.time.after(dice.between(0, 20) * MINUTE, () => void post(subscription, 'reauthorizationRequired'));
    },
  };
}
