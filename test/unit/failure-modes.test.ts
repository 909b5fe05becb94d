import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judgeCoverage } from '../failure-modes/coverage.ts';
import { EVERY_ID, readFailureModes } from '../failure-modes/failure-modes.ts';
import { readTestReport } from '../failure-modes/test-report.ts';

const document = (declared: string[] = [], without: string[] = []) =>
  [
    '| id | What goes wrong | What we do |',
    ...EVERY_ID.filter((id) => !without.includes(id)).map((id) => `| ${id} | trouble ${id} | answer |`),
    '## Declared',
    ...declared.map((id) => `| ${id} | why | instead |`),
  ].join('\n');

const report = (titles: string[], status = 'passed') =>
  readTestReport(
    { testResults: [{ name: '/x/test/unit/a.test.ts', assertionResults: titles.map((title) => ({ title, status })) }] },
    '/x',
  );

const naming = (ids: readonly string[]) => ids.map((id) => `does it [${id}]`);
const faultsOf = (text: string, ...reports: ReturnType<typeof report>[]) =>
  judgeCoverage(readFailureModes(text), reports).faults;

describe('the document of failure modes', () => {
  it('of this repository has a row for every id and declares no more than it may', () => {
    const text = readFileSync(new URL('../../docs/FAILURE-MODES.md', import.meta.url), 'utf8');
    expect(readFailureModes(text).faults).toEqual([]);
  });

  it('is refused without a row for each id', () => {
    expect(readFailureModes(document([], ['F07', 'T33'])).faults).toEqual(['no row for F07, T33']);
  });

  it('is refused with more than ten declarations', () => {
    expect(readFailureModes(document(EVERY_ID.slice(0, 10))).faults).toEqual([]);
    expect(readFailureModes(document(EVERY_ID.slice(0, 11))).faults).toEqual([
      '11 ids are declared, at most 10 may be',
    ]);
  });

  it('is refused with an id twice, one that there is not, and a row that says too little', () => {
    const faults = readFailureModes(`| F01 | a | b |\n| F99 | a | b |\n| F02 | | b |\n${document()}`).faults;
    expect(faults).toEqual([
      'F99 in the tables is no id that there is',
      'F02 in the tables needs two cells beside its id',
      'F01 has two rows in the tables',
      'F02 has two rows in the tables',
    ]);
  });
});

describe('the report of a test run', () => {
  it('is read for ids at the end of titles', () => {
    expect(report(['drops it [F01, T03]', 'has none', 'lists [1, 2]', 'takes FALSE [Function]']).tests).toEqual([
      { file: 'test/unit/a.test.ts', title: 'drops it', ids: ['F01', 'T03'], passed: true },
    ]);
  });

  it('is read for ids of the group that a test stands in', () => {
    const assertionResults = [{ ancestorTitles: ['retention [T29]'], title: 'ends [F61]', status: 'passed' }];
    const { tests } = readTestReport({ testResults: [{ name: '/x/a.test.ts', assertionResults }] }, '/x');
    expect(tests).toEqual([{ file: 'a.test.ts', title: 'ends', ids: ['T29', 'F61'], passed: true }]);
  });

  it.each(['drops [F01] it', 'drops it [F01 T03]', 'drops it [F1]', 'drops it [F01,T03]'])(
    'shows ids that are written in another way (%#)',
    (title) => {
      expect(report([title]).faults).toHaveLength(1);
    },
  );
});

describe('the table', () => {
  it('is fine when every id has a passing test or is declared', () => {
    expect(faultsOf(document(['T08']), report(naming(EVERY_ID.filter((id) => id !== 'T08'))))).toEqual([]);
  });

  it('names the ids that have neither', () => {
    expect(faultsOf(document(), report(naming(EVERY_ID.filter((id) => id !== 'F30'))))).toEqual([
      'F30 has neither a passing test nor a declaration: trouble F30',
    ]);
  });

  it.each(['failed', 'skipped', 'todo'])('does not count a test that %s', (status) => {
    const others = report(naming(EVERY_ID.slice(1)));
    expect(faultsOf(document(), others, report(['does it [F01]'], status))).toHaveLength(1);
  });

  it('names a title with an id that there is not', () => {
    expect(faultsOf(document(), report([...naming(EVERY_ID), 'does more [F86]']))).toEqual([
      'test/unit/a.test.ts › does more: there is no F86',
    ]);
  });

  it('has a line for each id, with the number of its tests and the first of them', () => {
    const { lines } = judgeCoverage(readFailureModes(document()), [
      report(['one [F01]', 'one [F01]', 'two [F01]', 'three [F01]']),
    ]);
    expect(lines).toHaveLength(118);
    expect(lines[0]).toMatch(/^F01 {2}trouble F01 +3 tests: unit\/a\.test\.ts › one; unit\/a\.test\.ts › two; …$/);
  });
});
