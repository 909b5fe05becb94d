import { isHeld } from '../../shared/domain/lane.ts';
import type { Breach, Evidence } from './evidence.ts';
import { CANARY } from './simulated-mailboxes.ts';

/** Nothing is left to do, and nobody holds anything. */
export function convergence({ plan, stores, wishes, now }: Evidence): Breach[] {
  const breaches: Breach[] = [];
  const { bus, deliveries } = stores;
  for (const message of bus.waiting)
    if (message.at <= now)
      breaches.push({
        rule: 'convergence',
        what: `ring #${message.number} still waits: ${message.body}`,
        about: [`#${message.number} `],
      });
  if (bus.deadCount > 0)
    breaches.push({ rule: 'convergence', what: `${bus.deadCount} dead letters are left`, about: [] });
  for (const { id } of plan.mailboxes) {
    const lane = deliveries.lane(id);
    // Nobody takes the lane of a dead worker over where there is nothing to do any more.
    if (isHeld(lane, now) || (lane.holder !== '' && wishes.isWanted(id)))
      breaches.push({
        rule: 'convergence',
        what: `the lane of ${id} is held by ${lane.holder || 'a pause'}`,
        about: [id],
      });
  }
  return breaches;
}

const SECRET = /Bearer|1\.(?:before|first|k\d+)\./;

/** No log line, ring or reason shown holds anything of a mail, or a secret. */
export function silence({ logLines, stores }: Evidence): Breach[] {
  const { bus, folders, deliveries } = stores;
  const reasons = folders
    .all()
    .flatMap((row) => [row.reason, ...deliveries.ledger(row.mailbox).map(({ reason }) => reason ?? '')]);
  return [...logLines, ...bus.storedRings, ...reasons]
    .filter((line) => line.includes(CANARY) || SECRET.test(line))
    .slice(0, 3)
    .map((line) => ({ rule: 'silence', what: line.slice(0, 300), about: [] }));
}
