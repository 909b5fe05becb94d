import { GROUP } from './plan.ts';
import { sometimes, type Stage } from './stage.ts';

/** People join and leave the Entra group. An empty group is taken for an error, so somebody always stays. */
export function planGroupChanges(stage: Stage): void {
  const { around, dice, stores, plan, wishes } = stage;
  const grouped = plan.mailboxes.filter(({ named }) => named === 'group').map(({ id }) => id);
  if (grouped.length < 2) return;
  sometimes(stage, 4, () => {
    const members = stores.graph.groups.get(GROUP) ?? [];
    const member = dice.pick(grouped);
    const isMember = members.includes(member);
    if (isMember && members.length === 1) return;
    const now = around.time.now();
    stores.graph.groups.set(GROUP, isMember ? members.filter((id) => id !== member) : [...members, member]);
    if (isMember) wishes.remove(member, now);
    else wishes.add(member, now);
    around.trace.note('world', isMember ? 'leaves the group' : 'joins the group', member);
  });
}
