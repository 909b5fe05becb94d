import { Administrator } from './administrator.ts';
import { makeDice } from './dice.ts';
import { planGroupChanges } from './group.ts';
import { planDeaths, planMove, planOutages } from './mishaps.ts';
import { People } from './people.ts';
import { planForeign, planRinging } from './ringing.ts';
import type { Stage } from './stage.ts';

/** First stream of dice for those who make things happen; the streams before are the world's. */
const FIRST_STREAM = 7;

/**
 * Sets everything up that people and the world do during one history. Each has dice of its own, so that one more of
 * them leaves what the others do as it is.
 */
export function beginScenario(seed: number, stage: Omit<Stage, 'dice'>): Administrator {
  let stream = FIRST_STREAM;
  const own = (): Stage => ({ ...stage, dice: makeDice(seed, stream++) });
  new People(own()).begin();
  planOutages(own());
  planDeaths(own());
  planRinging(own());
  planForeign(own());
  planMove(own());
  planGroupChanges(own());
  const administrator = new Administrator(own());
  administrator.begin();
  return administrator;
}
