import { ARCHIVE, watchedFolders } from './plan.ts';
import type { SimulatedAttachment, SimulatedMail } from './simulated-mailboxes.ts';
import { someFolder, sometimes, type Stage } from './stage.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const KINDS = ['fileAttachment', 'fileAttachment', 'itemAttachment', 'referenceAttachment'] as const;

/** Mail comes, one by one, in bursts and in floods, and people read, flag, move and delete it at any moment. */
export class People {
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  begin(): void {
    const { dice, plan, span, around } = this.#stage;
    let left = plan.mails;
    while (left > 0) {
      const burst = dice.chance(0.2) ? Math.min(left, dice.whole(2, 12)) : 1;
      left -= burst;
      const { mailbox, folder } = someFolder(this.#stage);
      const start = dice.between(10 * SECOND, span);
      for (let number = 0; number < burst; number++)
        around.time.after(start + number * dice.between(0, 2 * SECOND), () => this.#receive(mailbox, folder));
    }
    if (plan.flood > 0) this.#flood(plan.flood);
    sometimes(this.#stage, 2, () => this.#moveMany());
  }

  #receive(mailbox: string, folder: string): void {
    const { dice, stores, around } = this.#stage;
    const mail = stores.graph.mailboxes.receive(mailbox, dice.chance(0.05) ? ARCHIVE : folder, {
      isPartial: dice.chance(0.1),
      breaks: dice.chance(0.03) ? dice.whole(1, 7) : 0,
      large: dice.chance(0.01),
      isDraft: dice.chance(0.03),
      attachments: dice.chance(0.3) ? this.#attachments() : [],
    });
    around.trace.note('mail', `arrives in ${mailbox} ${mail.folder}`, mail.id);
    while (dice.chance(0.35))
      around.time.after(dice.pick([SECOND, MINUTE, HOUR, DAY]) * dice.between(0, 2), () => this.#touch(mail));
  }

  #attachments(): SimulatedAttachment[] {
    const { dice } = this.#stage;
    return Array.from({ length: dice.whole(1, 3) }, (_, position) => ({
      '@odata.type': `#microsoft.graph.${dice.pick(KINDS)}`,
      id: `AAattachment${position}=`,
      name: 'offer.txt',
      contentType: 'text/plain',
      size: 40,
      isInline: false,
    }));
  }

  /** More mails in a few minutes than a page, and at times than a delta, can show. */
  #flood(count: number): void {
    const { dice, stores, around, span } = this.#stage;
    const { mailbox, folder } = someFolder(this.#stage);
    const at = dice.between(MINUTE, span);
    const lasts = dice.between(SECOND, 10 * MINUTE);
    const parts = 20;
    for (let part = 0; part < parts; part++)
      around.time.after(at + (lasts * part) / parts, () => {
        around.trace.note('mail', `flood in ${mailbox} ${folder}`, String(Math.ceil(count / parts)));
        for (let left = Math.ceil(count / parts); left > 0; left--) stores.graph.mailboxes.receive(mailbox, folder);
      });
  }

  /** A rule or a person moves many mails at once. */
  #moveMany(): void {
    const { mailbox, folder } = someFolder(this.#stage);
    const { stores, around } = this.#stage;
    for (const mail of stores.graph.mailboxes.inFolder(mailbox, ARCHIVE)) {
      stores.graph.mailboxes.move(mail, folder);
      around.trace.note('mail', `bulk move, now in ${folder}`, mail.id);
    }
  }

  #touch(mail: SimulatedMail): void {
    const { dice, stores, around, plan, endsAt } = this.#stage;
    const { mailboxes } = stores.graph;
    if (mail.removed || around.time.now() > endsAt) return;
    const deed = dice.pick(['read', 'flag', 'move', 'move', 'delete'] as const);
    if (deed === 'delete') mailboxes.remove(mail);
    else if (deed === 'move') mailboxes.move(mail, dice.chance(0.4) ? ARCHIVE : dice.pick(watchedFolders(plan)));
    else mailboxes.mark(mail);
    around.trace.note('mail', `${deed}, now in ${mail.folder}`, mail.id);
  }
}
