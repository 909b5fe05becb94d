import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import type { Finding } from './finding.ts';
import { ROOT } from './plant.ts';

const RUN_MS = 90_000;

const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string().default(''),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

/** Runs tests of the product with a bug in it; `undefined`: of the product as it is. */
export function findByTests(plant: string | undefined, files: readonly string[], withinMs = RUN_MS): Promise<Finding> {
  const folder = mkdtempSync(join(tmpdir(), 'planted-'));
  const report = join(folder, 'report.json');
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const { PLANT: _, ...inherited } = process.env;
  const child = spawn(
    process.execPath,
    [vitest, 'run', '--config', 'test/planted/vitest.config.ts', '--reporter=json', `--outputFile=${report}`, ...files],
    // A group of its own: workers that never end have to go with it.
    {
      cwd: ROOT,
      env: plant === undefined ? inherited : { ...inherited, PLANT: plant },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    },
  );
  let complaint = '';
  let isOver = false;
  child.stderr.on('data', (text) => (complaint += String(text)));
  const waiting = setTimeout(() => {
    isOver = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, withinMs);
  return new Promise((resolve) => {
    child.on('exit', () => {
      clearTimeout(waiting);
      resolve(isOver ? { found: true, by: 'the tests do not end', failed: [] } : judge(report, complaint));
      rmSync(folder, { recursive: true, force: true });
    });
  });
}

function judge(report: string, complaint: string): Finding {
  let text: string;
  try {
    text = readFileSync(report, 'utf8');
  } catch {
    return { found: false, by: `the tests did not run: ${complaint.slice(0, 500)}`, failed: [] };
  }
  const { testResults } = reportSchema.parse(JSON.parse(text));
  const tests = testResults.flatMap((file) => file.assertionResults);
  const failed = tests.filter((test) => test.status === 'failed').map((test) => test.fullName);
  const [first] = failed;
  if (first !== undefined) return { found: true, by: first, failed };
  // A product that cannot be loaded proves nothing about the tests.
  const broken = testResults.find((file) => file.status === 'failed');
  const by = broken ? `${broken.name} did not run: ${broken.message.slice(0, 300)}` : `${tests.length} tests passed`;
  return { found: false, by: tests.length === 0 && !broken ? 'there were no tests' : by, failed };
}
