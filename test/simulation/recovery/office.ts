import { seededRandom } from '../../support/seeded-random.ts';
import { HOUR, type Installation } from './installation.ts';

/** Mail that comes to `mailboxes` for `ms`, `perHour` each; the same for the same seed, whatever else happens. */
export function officeDay(
  installation: Installation,
  ms: number,
  perHour: number,
  { mailboxes = installation.ids, seed = 7, mail = {} } = {},
): void {
  const next = seededRandom(seed);
  const pause = () => -Math.log(1 - next()) * (HOUR / perHour);
  for (const mailbox of mailboxes)
    for (let at = pause(); at < ms; at += pause()) installation.later(at, () => installation.deliver(mailbox, mail));
}
