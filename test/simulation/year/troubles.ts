import { makeDice } from '../dice.ts';
import type { Tenant, Trouble } from './tenant.ts';

export interface TroubleRates {
  /** Of the PATCHes inside a batch. */
  parts: number;
  /** Of requests. */
  requests: number;
}

/** Requests and parts of batches that go wrong at random; `calm` ends it. */
export function makeTroubles(tenant: Tenant, rates: TroubleRates, seed: number) {
  const dice = makeDice(seed, 11);
  let isOver = false;
  let isDown = false;
  /** PATCHes that failed. */
  const count = { parts: 0 };

  const any = (): Trouble =>
    dice.pick<Trouble>([
      { status: 429, code: 'TooManyRequests', retryAfterSeconds: dice.whole(1, 60) },
      { status: 429, code: 'TooManyRequests' },
      { status: 500, code: 'InternalServerError' },
      { status: 503, code: 'ServiceUnavailable' },
      { status: 504, code: 'GatewayTimeout', applied: true },
      { status: 0 },
      { status: 0, applied: true },
    ]);

  tenant.trouble = (method, path) => {
    if (isDown) return { status: 503, code: 'ServiceUnavailable', retryAfterSeconds: 30 };
    if (isOver || !dice.chance(rates.requests)) return undefined;
    // A handshake that we did not answer in time.
    if (method === 'POST' && path === '/subscriptions' && dice.chance(0.3))
      return { status: 400, code: 'ValidationError' };
    return any();
  };

  tenant.partTrouble = (id) => {
    if (isOver || !dice.chance(rates.parts)) return undefined;
    count.parts++;
    if (dice.chance(0.25)) {
      // Gone indeed, or only said to be.
      const found = dice.chance(0.5) ? tenant.live(id) : undefined;
      if (found) tenant.end(found, 'removed by Graph');
      return { status: 404, code: 'ResourceNotFound' };
    }
    return dice.chance(0.1) ? { status: 424, code: 'FailedDependency' } : any();
  };

  tenant.unlisted = () => !isOver && dice.chance(rates.requests / 50);

  return {
    count,
    /** Nothing is answered until `restore`. */
    goDown: () => {
      isDown = true;
    },
    restore: () => {
      isDown = false;
    },
    calm: () => {
      isOver = true;
    },
  };
}

export type Troubles = ReturnType<typeof makeTroubles>;
