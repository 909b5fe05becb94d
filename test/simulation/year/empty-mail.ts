import { MailboxUnavailableError } from '../../../shared/errors.ts';
import type { Clock, DeltaAnswer, GraphMail } from '../../../shared/ports.ts';
import type { Tenant } from './tenant.ts';

/** Mailboxes into which nothing comes: looks at them are only there to see to subscriptions. */
export function emptyMail(tenant: Tenant, clock: Clock): GraphMail {
  const page = (mailbox: string): DeltaAnswer => {
    const status = tenant.refusing.get(mailbox);
    if (status) throw new MailboxUnavailableError(status === 403 ? 'no-access' : 'not-found', `graph:${status}`);
    return { entries: [], count: 0, next: { kind: 'delta', link: mailbox } };
  };
  const noMail = () => Promise.reject(new Error('there is no mail in this simulation'));
  return {
    clock,
    hasDelta: true,
    isCurrent: () => true,
    openChain: async (mailbox) => ({ ...page(mailbox), options: 'plain' }),
    followLink: async (link) => page(link),
    listSince: async (mailbox, _folder, gap) => {
      page(mailbox);
      return { entries: [], count: 0, from: gap.from, skip: 0, more: false };
    },
    getMail: () => Promise.resolve('gone'),
    openMime: noMail,
    openAttachment: noMail,
  };
}
