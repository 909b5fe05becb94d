/** The slow and drop states of an endpoint (graph/change-notifications-delivery-webhooks, 2026-04). */
import type { GraphKnobs } from './knobs.ts';

export type EndpointState = 'healthy' | 'slow' | 'drop';

export class EndpointHealth {
  readonly #knobs: GraphKnobs;
  #samples: { at: number; ms: number }[] = [];
  #state: EndpointState = 'healthy';
  #until = 0;

  constructor(knobs: GraphKnobs) {
    this.#knobs = knobs;
  }

  /** Notes how long an answer took; no answer counts as the whole time budget. */
  note(now: number, ms: number): void {
    const {
      endpointWindowMs,
      endpointMinimumSamples,
      endpointDropMs,
      endpointDropShare,
      endpointSlowMs,
      endpointSlowShare,
    } = this.#knobs;
    this.#samples.push({ at: now, ms });
    this.#samples = this.#samples.filter((sample) => sample.at > now - endpointWindowMs);
    if (this.#samples.length < endpointMinimumSamples) return;
    if (this.#shareOver(endpointDropMs) > endpointDropShare) this.#enter('drop', now);
    else if (this.#shareOver(endpointSlowMs) > endpointSlowShare) this.#enter('slow', now);
    else this.#state = 'healthy';
  }

  state(now: number): EndpointState {
    if (this.#state !== 'healthy' && now >= this.#until) {
      this.#state = 'healthy';
      this.#samples = [];
    }
    return this.#state;
  }

  #enter(state: EndpointState, now: number): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#until = now + this.#knobs.endpointWindowMs;
  }

  #shareOver(limitMs: number): number {
    return this.#samples.filter((sample) => sample.ms >= limitMs).length / this.#samples.length;
  }
}
