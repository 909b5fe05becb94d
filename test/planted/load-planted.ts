import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { type Plant, ROOT, withPlant } from './plant.ts';

/** From now on this process loads the file of the plant with the bug in it. */
export function loadPlanted(plant: Plant): void {
  const url = pathToFileURL(ROOT + plant.file).href;
  registerHooks({
    load(asked, context, nextLoad) {
      const loaded = nextLoad(asked, context);
      return asked === url ? { ...loaded, source: withPlant(plant, readFileSync(ROOT + plant.file, 'utf8')) } : loaded;
    },
  });
}
