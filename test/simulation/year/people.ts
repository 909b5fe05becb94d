import type { Dice } from '../dice.ts';
import type { Coverage } from './coverage.ts';
import type { Installation } from './installation.ts';
import { HOUR, type Tenant } from './tenant.ts';
import type { Wishes } from './wishes.ts';

export const GROUP = '77777777-2222-4333-8444-555555555555';

interface Deps {
  tenant: Tenant;
  installation: Installation;
  coverage: Coverage;
  wishes: Wishes;
  dice: Dice;
  spare: string[];
}

/** What administrators do to group, list and mailboxes, and how readings of the group fail. */
export function makePeople({ tenant, installation, coverage, wishes, dice, spare }: Deps) {
  const { time } = tenant;

  const joined = (group: string[]) => tenant.groups.set(GROUP, group);

  function changeGroup(): void {
    const members = tenant.groups.get(GROUP) ?? [];
    for (let count = dice.whole(0, 3); count > 0; count--) {
      const mailbox = spare.shift();
      if (mailbox === undefined) break;
      wishes.add('group', mailbox);
      joined([...(tenant.groups.get(GROUP) ?? []), mailbox]);
    }
    for (let count = dice.whole(0, 3); count > 0 && members.length > 10; count--) {
      const mailbox = dice.pick(tenant.groups.get(GROUP) ?? []);
      joined((tenant.groups.get(GROUP) ?? []).filter((other) => other !== mailbox));
      wishes.group.delete(mailbox);
      coverage.forget(mailbox);
      spare.push(mailbox);
    }
  }

  /** Adds or removes one mailbox through the admin API, and repeats it until it is done. */
  async function changeList(): Promise<void> {
    const known = [...wishes.admin];
    const removes = known.length > 5 && dice.chance(0.5);
    const mailbox = removes ? dice.pick(known) : spare.shift();
    if (mailbox === undefined) return;
    if (removes) {
      wishes.admin.delete(mailbox);
      coverage.forget(mailbox);
    } else wishes.add('admin', mailbox);
    const attempt = async (): Promise<void> => {
      const app = installation.running[0]?.app.manageMailboxes;
      const again = () => void time.after(HOUR / 4, () => void attempt());
      if (!app) return again();
      try {
        await installation.quietly<unknown>(() => (removes ? app.remove(mailbox, false) : app.add(mailbox)));
        if (removes) spare.push(mailbox);
      } catch {
        again();
      }
    };
    await attempt();
  }

  /** For some hours every reading of the group fails, is empty, or breaks off; then one alone lacks a part. */
  function spoilReadings(): void {
    const how = dice.pick(['empty', 'short once', 'fails'] as const);
    const usual = tenant.trouble;
    const hours = dice.between(1, 30);
    let readings = 0;
    if (how === 'empty') tenant.readingOf = () => [];
    else if (how === 'short once')
      tenant.readingOf = (members) => (readings++ === 0 ? members.slice(0, members.length / 2) : members);
    else
      tenant.trouble = (method, path) =>
        path.startsWith('/groups') && (path.includes('skiptoken') || dice.chance(0.7))
          ? { status: 500 }
          : usual(method, path);
    time.after(hours * HOUR, () => {
      tenant.readingOf = (members) => members;
      if (how === 'fails') tenant.trouble = usual;
    });
  }

  /** A mailbox loses its licence or leaves the app's scope for a while. */
  function refuseSome(share: number): void {
    for (const mailbox of wishes.all()) {
      if (!dice.chance(share) || tenant.refusing.has(mailbox)) continue;
      tenant.refusing.set(mailbox, dice.pick([403, 404] as const));
      coverage.forget(mailbox);
      time.after(dice.between(1, 72) * HOUR, () => {
        tenant.refusing.delete(mailbox);
        coverage.readable(mailbox);
      });
    }
  }

  return { changeGroup, changeList, spoilReadings, refuseSome };
}
