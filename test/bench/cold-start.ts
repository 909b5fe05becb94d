// What our bundle adds to the start of an empty Node.
import { execFileSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';

export interface ColdStart {
  bundleMb: number;
  bareNodeMs: number;
  loadMs: number;
}

const root = path.resolve(import.meta.dirname, '../..');
const bundle = path.join(root, 'dist', 'app.cjs');

// The worker supplies this module; without it the library would only warn and register nothing.
const LOAD = `
const { Module } = require('node:module');
const load = Module.prototype.require;
const core = { version: '4', hostVersion: '4', setProgrammingModel() {}, registerHook: () => ({ dispose() {} }), registerFunction: () => ({ dispose() {} }), log() {}, Disposable: class {} };
Module.prototype.require = function (id) { return id === '@azure/functions-core' ? core : load.call(this, id); };
require(${JSON.stringify(bundle)});
process.exit(0);
`;

const timed = (script: string): number => {
  const startedAt = performance.now();
  execFileSync(process.execPath, ['-e', script], { env: { PATH: process.env['PATH'] ?? '' } });
  return performance.now() - startedAt;
};

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Medians of alternating runs. The settings are left out, so that nothing is connected to. */
export async function coldStart(runs = 9): Promise<ColdStart> {
  const bare: number[] = [];
  const loaded: number[] = [];
  for (let run = 0; run < runs; run++) {
    bare.push(timed('process.exit(0)'));
    loaded.push(timed(LOAD));
  }
  const { size } = await stat(bundle);
  return {
    bundleMb: Math.round(size / 10_000) / 100,
    bareNodeMs: Math.round(median(bare)),
    loadMs: Math.round(median(loaded) - median(bare)),
  };
}
