// What a run of vitest proved: a report in the form of its JSON, reduced to the tests whose titles name ids.
import path from 'node:path';
import * as z from 'zod';

const reportSchema = z.looseObject({
  testResults: z.array(
    z.looseObject({
      name: z.string(),
      assertionResults: z.array(
        z.looseObject({ ancestorTitles: z.array(z.string()).default([]), title: z.string(), status: z.string() }),
      ),
    }),
  ),
});

export interface ProvingTest {
  file: string;
  /** Without its ids. */
  title: string;
  ids: string[];
  passed: boolean;
}

export interface TestReport {
  tests: ProvingTest[];
  /** Titles whose brackets look like ids and are none. */
  faults: string[];
}

const IDS = /\s*\[([FT]\d{2,}(?:, [FT]\d{2,})*)\]$/;
const LOOKS_LIKE_IDS = /\[[FT]\d[^\]]*\]/;

const idsOf = (title: string): string[] => IDS.exec(title)?.[1]?.split(', ') ?? [];

/**
 * The tests of a report whose titles, or those of the groups they stand in, end in ids, such as `[F01, T03]`. Files are
 * named relative to `root`.
 */
export function readTestReport(report: unknown, root: string): TestReport {
  const tests: ProvingTest[] = [];
  const faults = new Set<string>();
  for (const { name, assertionResults } of reportSchema.parse(report).testResults) {
    const file = path.relative(root, name).replaceAll(path.sep, '/');
    for (const { title, ancestorTitles, status } of assertionResults) {
      const titles = [...ancestorTitles, title];
      const odd = titles.find((text) => idsOf(text).length === 0 && LOOKS_LIKE_IDS.test(text));
      if (odd !== undefined) faults.add(`${file}: ids stand at the end of a title, as in [F01, T03]: ${odd}`);
      const ids = [...new Set(titles.flatMap(idsOf))];
      if (ids.length > 0) tests.push({ file, title: title.replace(IDS, ''), ids, passed: status === 'passed' });
    }
  }
  return { tests, faults: [...faults] };
}
