import { SimulatedTime } from '../simulated-time.ts';

const SLICE_MS = 600_000;

/** Virtual time for a year: what bounds the steps of a short history bounds those of ten minutes here. */
export class YearTime extends SimulatedTime {
  override async run(until: number): Promise<void> {
    while (this.now() < until) {
      this.steps = 0;
      await super.run(Math.min(until, this.now() + SLICE_MS));
      if (this.isExhausted) throw new Error('too much happens within ten minutes');
    }
  }
}
