import { mergeConfig } from 'vitest/config';
import base from '../../vitest.config.ts';
import { plantNamed } from './plants.ts';
import { ROOT, withPlant } from './plant.ts';

/** The tests as they are, but of a product with the bug that PLANT names in it. */
const name = process.env['PLANT'];
const plant = name === undefined ? undefined : plantNamed(name);

export default mergeConfig(base, {
  root: ROOT,
  plugins: plant && [
    {
      name: 'planted-bug',
      enforce: 'pre',
      transform: (source: string, id: string) =>
        id.split('?')[0] === ROOT + plant.file ? withPlant(plant, source) : undefined,
    },
  ],
  // Kept transforms are told apart by the file as it stands, without the bug.
  test: { setupFiles: ['test/planted/read-planted.ts'], fsModuleCache: false },
});
