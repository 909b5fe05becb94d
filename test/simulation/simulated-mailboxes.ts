import type { Dice } from './dice.ts';
import type { Faults } from './faults.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** Stands in every field of every mail that somebody wrote; no log line may hold it. */
export const CANARY = 'canary-of-mail';

type Json = Record<string, unknown>;

export interface SimulatedMail {
  id: string;
  mailbox: string;
  folder: string;
  receivedAt: number;
  modifiedAt: number;
  /** By id it can be read from then on. */
  readableAt: number;
  isRead: boolean;
  isDraft: boolean;
  /** Delta and lists leave fields out. */
  isPartial: boolean;
  /** Cannot be understood this many more times. */
  breaks: number;
  large: boolean;
  removed: boolean;
  /** When it came to the folder where it is. */
  arrivedAt: number;
  attachments: SimulatedAttachment[];
}

export interface SimulatedAttachment {
  '@odata.type': string;
  id: string;
  name: string;
  contentType: string;
  size: number;
  isInline: boolean;
}

interface Arrival {
  mail: SimulatedMail;
  visibleAt: number;
}

export interface DeltaPlace {
  mailbox: string;
  folder: string;
  since: number;
  position: number;
  epoch: number;
}

/** Graph states times in whole seconds. */
const whole = (time: number) => Math.floor(time / 1000) * 1000;
export const asDateTime = (time: number): string => new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');

/** Mailboxes, their folders and what is in them. */
export class SimulatedMailboxes {
  readonly mails = new Map<string, SimulatedMail>();
  /** Folders by `<mailbox>/<folder id>`, each a log of arrivals in the order delta shows them. */
  readonly #logs = new Map<string, Arrival[]>();
  readonly #time: SimulatedTime;
  readonly #dice: Dice;
  readonly #faults: Faults;
  #epoch = 0;
  #numbers = 0;
  onArrival: (mail: SimulatedMail) => void = () => undefined;
  /** Called while it is still where it was. */
  onLeaving: (mail: SimulatedMail) => void = () => undefined;

  constructor(time: SimulatedTime, dice: Dice, faults: Faults) {
    this.#time = time;
    this.#dice = dice;
    this.#faults = faults;
  }

  addFolder(mailbox: string, folder: string): void {
    this.#logs.set(`${mailbox}/${folder}`, []);
  }

  hasFolder(mailbox: string, folder: string): boolean {
    return this.#logs.has(`${mailbox}/${folder}`);
  }

  receive(mailbox: string, folder: string, changes: Partial<SimulatedMail> = {}): SimulatedMail {
    const now = this.#time.now();
    const number = ++this.#numbers;
    // Some ids differ from another one only by the case of their letters.
    const stem = number % 7 === 0 ? `aakalg-${number - 1}` : `AAkALg-${number}`;
    const lag = this.#faults.strikes('read lag', 0.2) ? this.#dice.between(500, 25_000) : 0;
    const mail: SimulatedMail = {
      id: `${stem}=`,
      mailbox,
      folder,
      receivedAt: whole(now),
      modifiedAt: now,
      readableAt: now + lag,
      isRead: false,
      isDraft: false,
      isPartial: false,
      breaks: 0,
      large: false,
      removed: false,
      arrivedAt: now,
      attachments: [],
      ...changes,
    };
    this.mails.set(`${mailbox}/${mail.id}`, mail);
    this.#arrive(mail);
    return mail;
  }

  move(mail: SimulatedMail, folder: string): void {
    this.onLeaving(mail);
    mail.folder = folder;
    mail.modifiedAt = this.#time.now();
    this.#arrive(mail);
  }

  remove(mail: SimulatedMail): void {
    this.onLeaving(mail);
    mail.removed = true;
  }

  /** Read or flagged. */
  mark(mail: SimulatedMail): void {
    mail.isRead = true;
    mail.modifiedAt = this.#time.now();
  }

  forgetTokens(): void {
    this.#epoch++;
  }

  get epoch(): number {
    return this.#epoch;
  }

  find(mailbox: string, id: string): SimulatedMail | undefined {
    const mail = this.mails.get(`${mailbox}/${id}`);
    return mail && !mail.removed && mail.readableAt <= this.#time.now() ? mail : undefined;
  }

  inFolder(mailbox: string, folder: string): SimulatedMail[] {
    return [...this.mails.values()].filter(
      (mail) => mail.mailbox === mailbox && mail.folder === folder && !mail.removed,
    );
  }

  /** The next entries of a chain and where it goes on; `more`: there is another page right now. */
  page(place: DeltaPlace, size: number): { mails: SimulatedMail[]; place: DeltaPlace; more: boolean } {
    const log = this.#logs.get(`${place.mailbox}/${place.folder}`) ?? [];
    const now = this.#time.now();
    const shows = ({ mail }: Arrival) =>
      !mail.removed && mail.folder === place.folder && mail.receivedAt >= place.since;
    const mails: SimulatedMail[] = [];
    let { position } = place;
    for (; position < log.length && mails.length < size; position++) {
      const arrival = log[position];
      if (!arrival || arrival.visibleAt > now) break;
      if (shows(arrival)) mails.push(arrival.mail);
    }
    let more = false;
    for (let next = position; !more && next < log.length; next++) {
      const arrival = log[next];
      if (!arrival || arrival.visibleAt > now) break;
      more = shows(arrival);
    }
    return { mails, place: { ...place, position }, more };
  }

  /** As Graph shows it: whole, with fields left out (`partial`), or, while it `breaks`, in a form nobody understands. */
  show(mail: SimulatedMail, view: 'delta' | 'list' | 'ids' | 'single', immutable: boolean): Json {
    const id = immutable ? mail.id : `${mail.id}${mail.folder.slice(0, 2)}`;
    const dated: Json = { id, receivedDateTime: asDateTime(mail.receivedAt), isRead: mail.isRead };
    if (view === 'ids') return { ...dated, isDraft: mail.isDraft };
    if (mail.isPartial && view !== 'single') return dated;
    if (mail.breaks > 0) {
      if (view === 'single') mail.breaks--;
      return { ...dated, internetMessageHeaders: [], attachments: [], body: 7 };
    }
    const person = { emailAddress: { name: CANARY, address: `${CANARY}@sender.example` } };
    return {
      ...dated,
      sentDateTime: asDateTime(mail.receivedAt - 3_000),
      isDraft: mail.isDraft,
      parentFolderId: mail.folder,
      internetMessageId: `<${CANARY}-${mail.id}@sender.example>`,
      conversationId: `conversation-${mail.id}`,
      subject: `${CANARY} subject`,
      from: person,
      sender: person,
      toRecipients: [person],
      ccRecipients: [],
      bccRecipients: [],
      replyTo: [],
      importance: 'normal',
      internetMessageHeaders: [{ name: 'Message-ID', value: `<${CANARY}-${mail.id}@sender.example>` }],
      hasAttachments: mail.attachments.length > 0,
      body: { contentType: 'text', content: mail.large ? CANARY.repeat(17_000) : `${CANARY} body` },
      attachments: mail.attachments,
      lastModifiedDateTime: asDateTime(mail.modifiedAt),
    };
  }

  #arrive(mail: SimulatedMail): void {
    mail.arrivedAt = this.#time.now();
    const log = this.#logs.get(`${mail.mailbox}/${mail.folder}`);
    if (!log) return;
    const lag = this.#faults.strikes('delta lag', 0.3) ? this.#dice.waiting(60_000) : 0;
    const arrival = { mail, visibleAt: this.#time.now() + lag };
    const before = log.findLastIndex((other) => other.visibleAt <= arrival.visibleAt);
    log.splice(before + 1, 0, arrival);
    this.onArrival(mail);
  }
}
