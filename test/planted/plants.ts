import type { Plant } from './plant.ts';
import { CHAIN_PLANTS } from './plants/chains.ts';
import { DELIVERY_PLANTS } from './plants/delivery.ts';
import { GRAPH_REQUEST_PLANTS } from './plants/graph-requests.ts';
import { LANE_PLANTS } from './plants/lanes.ts';
import { PLATFORM_PLANTS } from './plants/platform.ts';
import { STORE_PLANTS } from './plants/stores.ts';
import { SUBSCRIPTION_PLANTS } from './plants/subscriptions.ts';
import { UPKEEP_PLANTS } from './plants/upkeep.ts';
import { WEBHOOK_PLANTS } from './plants/webhook.ts';

export const PLANTS: readonly Plant[] = [
  ...WEBHOOK_PLANTS,
  ...DELIVERY_PLANTS,
  ...LANE_PLANTS,
  ...CHAIN_PLANTS,
  ...SUBSCRIPTION_PLANTS,
  ...GRAPH_REQUEST_PLANTS,
  ...STORE_PLANTS,
  ...UPKEEP_PLANTS,
  ...PLATFORM_PLANTS,
];

export function plantNamed(name: string): Plant {
  const found = PLANTS.find((plant) => plant.name === name);
  if (!found) throw new Error(`There is no planted bug "${name}". --list names them all.`);
  return found;
}
