// Ends a run of all tests with the table of failure modes and the tests that prove them; fails it where one has none.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Reporter, TestCase, TestModule, TestRunEndReason, TestSuite, Vitest } from 'vitest/node';
import { judgeCoverage } from './coverage.ts';
import { readFailureModes } from './failure-modes.ts';
import { readTestReport } from './test-report.ts';

const root = path.resolve(import.meta.dirname, '../..');

const titlesAbove = ({ parent }: TestCase | TestSuite): string[] =>
  parent.type === 'suite' ? [...titlesAbove(parent), parent.name] : [];

const resultOf = (module: TestModule) => ({
  name: module.moduleId,
  assertionResults: [...module.children.allTests()].map((test) => ({
    title: test.name,
    ancestorTitles: titlesAbove(test),
    status: test.result().state,
  })),
});

export class FailureModesReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  async onTestRunEnd(modules: readonly TestModule[], _errors: unknown, reason: TestRunEndReason): Promise<void> {
    // Of a part of the tests, or of a run that failed anyway, the table would say nothing.
    const all = (await this.#vitest?.globTestSpecifications())?.length;
    if (reason !== 'passed' || modules.length !== all || this.#vitest?.config.testNamePattern) return;
    const document = readFailureModes(readFileSync(path.join(root, 'docs/FAILURE-MODES.md'), 'utf8'));
    const report = readTestReport({ testResults: modules.map(resultOf) }, root);
    const { lines, faults } = judgeCoverage(document, [report]);
    for (const line of lines) console.log(line);
    console.log(`${lines.length} failure modes, ${document.declared.size} of them declared`);
    for (const fault of faults) console.error(`FAILED: ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
  }
}
