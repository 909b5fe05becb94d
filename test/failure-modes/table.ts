// Prints which tests prove which failure mode: `table.ts REPORT…`, each a JSON report of vitest. Exit 1 where an id has no proof.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { judgeCoverage } from './coverage.ts';
import { readFailureModes } from './failure-modes.ts';
import { readTestReport } from './test-report.ts';

const root = path.resolve(import.meta.dirname, '../..');
const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('table.ts needs the JSON report of a vitest run: vitest run --reporter=json --outputFile.json=FILE');
  process.exit(2);
}

const document = readFailureModes(readFileSync(path.join(root, 'docs/FAILURE-MODES.md'), 'utf8'));
const reports = files.map((file) => readTestReport(JSON.parse(readFileSync(file, 'utf8')), root));
const { lines, faults } = judgeCoverage(document, reports);
for (const line of lines) console.log(line);
console.log(`${lines.length} failure modes, ${document.declared.size} of them declared`);
for (const fault of faults) console.error(`FAILED: ${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;
