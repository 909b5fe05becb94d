import { createHash } from 'node:crypto';
import { keyOfBlob } from '../../shared/domain/delivery.ts';
import type { Breach, Evidence } from './evidence.ts';

const DAY_MS = 86_400_000;

/** Each blob that an event names can be read as described; no blob that none names is older than a day. */
export function references({ stores, wishes, now }: Evidence): Breach[] {
  const breaches: Breach[] = [];
  const { bus, blobs, deliveries } = stores;
  // A mail that was about to be sent may have been: nobody ever learns, and so its blobs are kept.
  const isRetained = (blob: string) => deliveries.of(blob.split('/')[0] ?? '').ledger.get(keyOfBlob(blob) ?? '');
  const named = new Set<string>();
  for (const { mailbox, mail, blobs: checks } of bus.crm.all)
    for (const { blob, sha256 } of checks) {
      // An administrator had it erased, and was told which events are still queued.
      if (named.has(blob) || wishes.wasErased(mailbox)) continue;
      named.add(blob);
      const content = blobs.blobs.get(blob)?.content;
      const digest = content && createHash('sha256').update(content).digest('hex');
      if (digest !== sha256)
        breaches.push({ rule: 'references resolve', what: `${mailbox}/${mail} names ${blob}`, about: [mail] });
    }
  for (const [blob, { storedAt }] of blobs.blobs) {
    const [mailbox = ''] = blob.split('/');
    if (wishes.erased.has(mailbox))
      breaches.push({ rule: 'erasure', what: `${blob} is left of an erased mailbox`, about: [mailbox] });
    else if (!named.has(blob) && now - storedAt.getTime() > DAY_MS && !isRetained(blob))
      breaches.push({
        rule: 'orphan',
        what: `no event names ${blob} of ${storedAt.toISOString()}`,
        about: ['claims.'],
      });
  }
  for (const mailbox of wishes.erased) {
    const rows =
      stores.deliveries.ledger(mailbox).length + stores.folders.all().filter((row) => row.mailbox === mailbox).length;
    if (rows > 0) breaches.push({ rule: 'erasure', what: `${rows} rows are left of ${mailbox}`, about: [mailbox] });
  }
  return breaches;
}
