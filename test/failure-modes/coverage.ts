// Which tests prove which failure mode, as lines for whoever reads the build.
import type { FailureModes } from './failure-modes.ts';
import type { ProvingTest, TestReport } from './test-report.ts';

export interface Coverage {
  /** One line an id. */
  lines: string[];
  /** Why the build fails; empty when all is well. */
  faults: string[];
}

const SHOWN = 2;
const WIDTH = 60;

const cut = (text: string, width: number) => (text.length > width ? `${text.slice(0, width - 1)}…` : text);

/** Holds the tests of one or several reports against the document. */
export function judgeCoverage({ modes, declared, faults: ofDocument }: FailureModes, reports: TestReport[]): Coverage {
  const faults = [...ofDocument, ...reports.flatMap((report) => report.faults)];
  const proofs = new Map<string, ProvingTest[]>();
  for (const test of reports.flatMap((report) => report.tests))
    for (const id of test.ids) {
      if (!modes.has(id)) faults.push(`${test.file} › ${test.title}: there is no ${id}`);
      if (test.passed) proofs.set(id, [...(proofs.get(id) ?? []), test]);
    }
  const lines = [...modes].map(([id, what]) => {
    const tests = distinct(proofs.get(id) ?? []);
    const why = declared.get(id);
    if (tests.length === 0 && why === undefined)
      faults.push(`${id} has neither a passing test nor a declaration: ${what}`);
    return `${id}  ${cut(what, WIDTH).padEnd(WIDTH)}  ${[...(why ? [`declared: ${why}`] : []), ...summary(tests)].join('; ')}`;
  });
  return { lines, faults };
}

/** A title of `it.each` comes many times. */
const distinct = (tests: ProvingTest[]) => [
  ...new Map(tests.map((test) => [`${test.file} › ${test.title}`, test])).values(),
];

function summary(tests: ProvingTest[]): string[] {
  if (tests.length === 0) return [];
  const shown = tests.slice(0, SHOWN).map(({ file, title }) => `${file.replace(/^test\//, '')} › ${cut(title, WIDTH)}`);
  return [
    `${tests.length} ${tests.length === 1 ? 'test' : 'tests'}: ${shown.join('; ')}${tests.length > SHOWN ? '; …' : ''}`,
  ];
}
