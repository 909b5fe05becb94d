import type { SimulatedProcess, Surroundings } from './simulated-process.ts';

/** Requests that the lane of a mailbox is about. */
export const MAIL_PATH = /^\/users\/([^/?]+)\/(?:messages|mailFolders\/[^/]+\/messages)/;

const MOST_AT_ONCE = 4;
/** A process that stood still acts on what it knew before; it learns better with its next answer. */
const STALL_MS = 180_000;
/** The answer has to arrive and the pause has to be written before anybody can know of it. */
const WRITTEN_AFTER_MS = 15_000;
const LONGEST_PAUSE_S = 600;

interface Traffic {
  inFlight: SimulatedProcess[];
  /** Nobody may ask before that. */
  quietFrom: number;
  quietUntil: number;
  /** Who was told so, and when. */
  told: { process: SimulatedProcess; at: number } | undefined;
}

/** Who asks for the mail of which mailbox right now, and the bounds that Graph sets to that. */
export class MailboxTraffic {
  readonly broken: string[] = [];
  readonly #traffic = new Map<string, Traffic>();
  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Counts a request while it is under way; the result ends it. */
  enter(process: SimulatedProcess, path: string): () => void {
    const mailbox = MAIL_PATH.exec(path)?.[1];
    if (mailbox === undefined) return () => undefined;
    const traffic = this.#of(mailbox);
    this.#judgePause(traffic, process, mailbox);
    traffic.inFlight.push(process);
    this.#judgeCompany(traffic, process, mailbox);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      traffic.inFlight.splice(traffic.inFlight.indexOf(process), 1);
    };
  }

  /** The mailbox answers 429. */
  throttle(process: SimulatedProcess, mailbox: string, seconds: number): void {
    const traffic = this.#of(mailbox);
    const now = this.#around.time.now();
    const until = now + Math.min(seconds, LONGEST_PAUSE_S) * 1000;
    if (until <= traffic.quietUntil) return;
    traffic.quietFrom = now + WRITTEN_AFTER_MS;
    traffic.quietUntil = until - 1_500;
    traffic.told = { process, at: now };
  }

  #of(mailbox: string): Traffic {
    const known = this.#traffic.get(mailbox);
    if (known) return known;
    const fresh: Traffic = { inFlight: [], quietFrom: 0, quietUntil: 0, told: undefined };
    this.#traffic.set(mailbox, fresh);
    return fresh;
  }

  #breaks(process: SimulatedProcess, what: string): void {
    this.broken.push(what);
    this.#around.trace.note(process.name, 'BREAKS', what);
  }

  /** Whoever was told may have died with it, or been kept from writing it down; nobody else can know then. */
  #judgePause({ told, quietFrom, quietUntil }: Traffic, process: SimulatedProcess, mailbox: string): void {
    const now = this.#around.time.now();
    if (!told || now <= quietFrom || now >= quietUntil) return;
    if (told.process.isDown || told.process.troubledAt >= told.at || process.stalledUntil > told.at) return;
    const early = Math.round((quietUntil - now) / 1000);
    this.#breaks(process, `Retry-After: ${process.name} asks mailbox ${mailbox} ${early} s too early`);
  }

  #judgeCompany({ inFlight }: Traffic, process: SimulatedProcess, mailbox: string): void {
    if (inFlight.length === 1) return;
    const now = this.#around.time.now();
    const askers = new Set(inFlight);
    for (const asker of askers) if (asker.isDown || now - asker.stalledUntil < STALL_MS) return;
    if (inFlight.length > MOST_AT_ONCE)
      this.#breaks(process, `four at once: ${inFlight.length} requests in flight for mailbox ${mailbox}`);
    if (askers.size > 1) {
      const names = [...askers].map((asker) => asker.name).join(' and ');
      this.#breaks(process, `one lane holder: ${names} read mailbox ${mailbox} at once`);
    }
  }
}
