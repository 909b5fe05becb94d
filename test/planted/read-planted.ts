import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT, withPlant } from './plant.ts';
import { plantNamed } from './plants.ts';

/*
 * Templates, definitions of queues and settings are read by the tests as texts: they too get the bug that PLANT names.
 */
const name = process.env['PLANT'];
if (name !== undefined) {
  const plant = plantNamed(name);
  const read = fs.readFileSync;
  const isPlanted = (path: unknown) =>
    (typeof path === 'string' || path instanceof URL) &&
    resolve(path instanceof URL ? fileURLToPath(path) : path) === ROOT + plant.file;
  Object.assign(fs, {
    readFileSync(...given: Parameters<typeof read>) {
      const content: unknown = read(...given);
      return typeof content === 'string' && isPlanted(given[0]) ? withPlant(plant, content) : content;
    },
  });
  syncBuiltinESMExports();
}
