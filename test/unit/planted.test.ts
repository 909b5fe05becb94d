import { existsSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { describe, expect, it } from 'vitest';
import { plantedFile, ROOT, withPlant } from '../planted/plant.ts';
import { PLANTS } from '../planted/plants.ts';

const KNOWN_IDS = /^(F(0[1-9]|[1-7]\d|8[0-5])|T(0[1-9]|[12]\d|3[0-3]))$/;

const parse = (file: string, source: string): unknown => {
  if (file.endsWith('.ts')) return stripTypeScriptTypes(source);
  return file.endsWith('.json') ? JSON.parse(source) : source;
};

describe('planted bugs', () => {
  it('still fit the source, and leave it readable', () => {
    const stale = PLANTS.flatMap((plant) => {
      try {
        parse(plant.file, plantedFile(plant));
        return [];
      } catch (error) {
        return [`${plant.name}: ${String(error)}`];
      }
    });
    expect(stale).toEqual([]);
  });

  it('have names of their own, change something, and say what they break and where they are found', () => {
    expect(new Set(PLANTS.map(({ name }) => name)).size).toBe(PLANTS.length);
    for (const { name, ids, from, to, foundBy } of PLANTS) {
      expect(to, name).not.toBe(from);
      expect(ids.length, name).toBeGreaterThan(0);
      for (const id of ids) expect(id, name).toMatch(KNOWN_IDS);
      if (foundBy !== 'simulation') expect(existsSync(ROOT + foundBy), foundBy).toBe(true);
    }
  });

  it('are sixty at least, so that hardly a failure mode is proven by a test that cannot fail', () => {
    expect(PLANTS.length).toBeGreaterThanOrEqual(60);
  });

  it.each(['', 'one two', 'one one'])('are not put into a source where their text stands not once: %j', (source) => {
    const [some] = PLANTS;
    if (!some) throw new Error('there are planted bugs');
    expect(() => withPlant({ ...some, from: source === 'one two' ? 'three' : 'one' }, source)).toThrow('is stale');
  });

  it('are no part of the product: nothing in it knows of them', () => {
    // package.json names the command that puts them in.
    const files = new Set(PLANTS.map((plant) => plant.file).filter((file) => file !== 'package.json'));
    for (const file of files) expect(readFileSync(ROOT + file, 'utf8'), file).not.toMatch(/plant/i);
  });
});
