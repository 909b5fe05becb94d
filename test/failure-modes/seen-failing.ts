// Which failure modes were seen to fail: `seen-failing.ts RESULT`, the JSON of a run of the planted bugs. For each id it
// says whether a test that names it failed with the behaviour broken, or only something else noticed.
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { EVERY_ID } from './failure-modes.ts';

const resultSchema = z.array(
  z.looseObject({
    found: z.boolean(),
    failed: z.array(z.string()),
    plant: z.looseObject({ name: z.string(), ids: z.array(z.string()), foundBy: z.string() }),
  }),
);

/** In the title of a test or of its group; a report of planted bugs has them in one text. */
const naming = (id: string) => new RegExp(`\\[[FT\\d, ]*${id}[FT\\d, ]*\\]`);

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error('seen-failing.ts needs the result of the planted bugs as JSON');
  process.exit(2);
}

const results = resultSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).filter(({ found }) => found);
const unseen: string[] = [];
for (const id of EVERY_ID) {
  const broken = results.filter(({ plant }) => plant.ids.includes(id));
  const named = broken.find(({ failed }) => failed.some((title) => naming(id).test(title)));
  const [any] = broken;
  if (!any) unseen.push(id);
  const how = named
    ? `${named.plant.foundBy} failed with “${named.plant.name}”`
    : any
      ? `only ${any.plant.foundBy} noticed “${any.plant.name}”; no title that failed names the id`
      : 'never';
  console.log(`${id}  ${how}`);
}
console.log(
  `${EVERY_ID.length - unseen.length} of ${EVERY_ID.length} seen to fail${unseen.length > 0 ? `, not ${unseen.join(', ')}` : ''}`,
);
