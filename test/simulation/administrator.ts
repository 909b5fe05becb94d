import { errorCode } from '../../shared/errors.ts';
import type { ManageMailboxes } from '../../shared/use-cases/manage-mailboxes.ts';
import type { PlannedMailbox } from './plan.ts';
import type { Stage } from './stage.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

type Deed = 'add' | 'remove' | 'erase' | 'sync' | 'retry parked' | 'replay' | 'report';

interface Errand {
  deed: Deed;
  mailbox: PlannedMailbox;
}

/**
 * Somebody who uses the admin routes: one errand after the other, each tried again until it is answered. What was asked
 * and answered is what is wanted.
 */
export class Administrator {
  /** Runs of a replay that were asked for, by mailbox; each may bring every mail once more. */
  readonly replays = new Map<string, number>();
  readonly broken: string[] = [];
  readonly #errands: Errand[] = [];
  #isBusy = false;
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  begin(): void {
    const { plan, dice } = this.#stage;
    for (const mailbox of plan.mailboxes) {
      const isAdmins = mailbox.named === 'admin';
      if (isAdmins) this.#at(dice.between(MINUTE, HOUR), { deed: 'add', mailbox });
      const deeds: Deed[] = isAdmins
        ? ['add', 'add', 'remove', 'erase', 'sync', 'retry parked', 'replay', 'report']
        : ['remove', 'erase', 'sync', 'retry parked', 'report', 'report'];
      for (let left = dice.whole(0, isAdmins ? 6 : 2); left > 0; left--)
        this.#at(dice.between(HOUR, this.#stage.span), { deed: dice.pick(deeds), mailbox });
    }
  }

  #at(ms: number, errand: Errand): void {
    this.#stage.around.time.after(ms, () => {
      this.#errands.push(errand);
      if (!this.#isBusy) this.#next();
    });
  }

  #next(): void {
    const errand = this.#errands[0];
    this.#isBusy = errand !== undefined;
    if (errand) this.#try(errand);
  }

  #try(errand: Errand): void {
    const { platform, dice, around } = this.#stage;
    const { time, trace } = around;
    const again = () => time.after(dice.between(3, 10) * MINUTE, () => this.#try(errand));
    const up = platform.up();
    if (up.length === 0) return void again();
    const { app, process } = dice.pick(up);
    const state = { answered: false };
    trace.note(process.name, `admin: ${errand.deed}`, errand.mailbox.id);
    const askedAt = time.now();
    time.wake();
    const answered = (answer: object | undefined) => {
      state.answered = true;
      trace.note(process.name, `admin: ${errand.deed} is answered`, JSON.stringify(answer ?? {}).slice(0, 100));
      if (!this.#isDone(errand, answer, askedAt)) return void again();
      this.#errands.shift();
      this.#next();
    };
    const failed = (error: unknown) => {
      state.answered = true;
      trace.note(process.name, `admin: ${errand.deed} fails`, errorCode(error));
      again();
    };
    this.#ask(app.manageMailboxes, errand).then(answered, failed);
    // No answer ever comes from a process that died; one that only stands still may still do what it was asked.
    const watch = () => {
      if (state.answered) return;
      if (process.isDown) {
        // It may have erased everything before it died, and nobody was told.
        if (errand.deed === 'erase') this.#stage.wishes.erase(errand.mailbox.id, false);
        again();
      } else time.after(5 * MINUTE, watch);
    };
    time.after(5 * MINUTE, watch);
  }

  async #ask(admin: ManageMailboxes, { deed, mailbox }: Errand): Promise<object | undefined> {
    const { address, id } = mailbox;
    if (deed === 'add') return admin.add(address);
    if (deed === 'remove' || deed === 'erase') return admin.remove(id, deed === 'erase');
    if (deed === 'report') return admin.report(id);
    if (deed !== 'replay') return admin.sync(id, deed === 'retry parked');
    this.replays.set(id, (this.replays.get(id) ?? 0) + 1);
    return admin.sync(id, false, new Date(this.#stage.around.time.now() - 2 * HOUR));
  }

  #isDone({ deed, mailbox }: Errand, answer: object | undefined, askedAt: number): boolean {
    const { wishes, around } = this.#stage;
    const refusal = answer && 'refused' in answer ? answer.refused : undefined;
    if (refusal === 'busy' || (refusal === 'no-access' && deed === 'add')) return false;
    if (answer && 'left' in answer) {
      wishes.erase(mailbox.id, false);
      return false;
    }
    if (deed === 'add') {
      if (refusal) return false;
      wishes.add(mailbox.id, askedAt);
    } else if (deed === 'remove' || deed === 'erase') {
      const isAdmins = mailbox.named === 'admin';
      if (isAdmins) wishes.remove(mailbox.id, around.time.now());
      if (deed === 'erase' && (isAdmins || !refusal)) wishes.erase(mailbox.id, isAdmins);
      if (!refusal && (mailbox.named === 'id' || mailbox.named === 'address'))
        this.broken.push(`admin: ${mailbox.id} was ${deed}d although the settings name it`);
    }
    return true;
  }
}
