/** What happened, as a hash that two runs of one seed share, and, where asked for, as lines to read. */
export class Trace {
  #high = 0xde_ad_be_ef;
  #low = 0x41_c6_ce_57;
  readonly lines: string[] = [];
  readonly #keep: boolean;
  readonly #now: () => number;

  constructor(now: () => number, keep: boolean) {
    this.#now = now;
    this.#keep = keep;
  }

  note(who: string, what: string, about = ''): void {
    const now = this.#now();
    this.#mix(now % 86_400_000);
    for (const text of [who, what, about]) for (let at = 0; at < text.length; at++) this.#mix(text.charCodeAt(at));
    if (this.#keep) this.lines.push(`${new Date(now).toISOString().slice(5, 23)} ${who.padEnd(9)} ${what} ${about}`);
  }

  hash(): string {
    const hex = (value: number) => (value >>> 0).toString(16).padStart(8, '0');
    return hex(this.#high) + hex(this.#low);
  }

  #mix(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x9e_37_79_b1);
    this.#low = Math.imul(this.#low ^ value ^ (this.#high >>> 15), 0x5f_35_64_95);
  }
}
