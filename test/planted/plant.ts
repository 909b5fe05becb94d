import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where a planted bug is found: by playing histories, or by the tests of one file. */
export type FoundBy = 'simulation' | `test/${string}.test.ts`;

/**
 * A bug to be put into the product for the time of one run: a change of its source while it is loaded. The product
 * itself holds no switch for it.
 */
export interface Plant {
  name: string;
  /** Failure modes and threats whose remedy it takes away. */
  ids: readonly string[];
  /** From the root, with `/`. */
  file: string;
  /** Stands exactly once in the file. */
  from: string;
  to: string;
  foundBy: FoundBy;
}

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The source with the bug in it. Throws where the source has moved on and the plant with it has to. */
export function withPlant(plant: Plant, source: string): string {
  const parts = source.split(plant.from);
  const [before, after] = parts;
  if (before === undefined || after === undefined || parts.length > 2)
    throw new Error(
      `Planted bug "${plant.name}" is stale: its text stands ${parts.length - 1} times in ${plant.file}, not once. ` +
        'Choose a text that names the place again.',
    );
  return before + plant.to + after;
}

/** Its file as it stands, with the bug in it. */
export const plantedFile = (plant: Plant): string => withPlant(plant, readFileSync(ROOT + plant.file, 'utf8'));
