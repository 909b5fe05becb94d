import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '../../local/build.ts';
import { startFunctionsHost } from '../../local/functions-host/functions-host.ts';
import { HostError } from '../../local/functions-host/host-error.ts';
import {
  type AppFolder,
  buildAppFolder,
  killHosts,
  logRecorder,
  runHost,
  writeAppFolder,
} from './functions-host-fixture.ts';

let folder: AppFolder;

beforeAll(async () => {
  folder = await buildAppFolder();
});
afterEach(killHosts);
afterAll(() => folder.remove());

describe('an app that cannot run', () => {
  const library = JSON.stringify(path.resolve('node_modules/@azure/functions'));
  const app = (body: string) => `const { app } = require(${library});\n${body}`;

  test.each([
    [
      'throws while loading',
      'throw new Error("no such setting")',
      /app\.cjs threw while loading\.\nError: no such setting/,
    ],
    ['registers nothing', '', /registered no function: app\.cjs/],
    ['registers a name twice', 'app.get("a", () => ({})); app.get("A", () => ({}))', /"A" has already been registered/],
    ['has a bad name', 'app.get("1a", () => ({}))', /a letter, then letters/],
    [
      'has two functions on one route',
      'app.get("a", { route: "x", handler: () => ({}) }); app.http("b", { route: "x", handler: () => ({}) })',
      /Functions "a" and "b" share the route/,
    ],
    [
      'has a trigger that is not here',
      'app.storageBlob("a", { path: "x", connection: "y", handler() {} })',
      /does not have the trigger blobTrigger/,
    ],
    [
      'has an output binding',
      'const { output } = require(' +
        library +
        '); app.http("a", { handler: () => ({}), extraOutputs: [output.serviceBusQueue({ queueName: "q", connection: "c" })] })',
      /no input or output bindings/,
    ],
    [
      'has a schedule that Azure refuses',
      'app.timer("a", { schedule: "0 0 0 L * *", handler() {} })',
      /"a": the schedule "0 0 0 L \* \*"/,
    ],
    [
      'names a setting that is missing',
      'app.timer("a", { schedule: "%NO%", handler() {} })',
      /the setting NO is missing/,
    ],
    [
      'lacks its connection',
      'app.serviceBusQueue("a", { connection: "Bus", queueName: "q", handler() {} })',
      /needs the setting Bus: a Service Bus connection string/,
    ],
    ['streams', 'app.setup({ enableHttpStream: true }); app.get("a", () => ({}))', /HTTP streaming/],
  ])('and %s does not start: the reason is in the error', async (_case, source, expected) => {
    const broken = await writeAppFolder(app(source));
    try {
      const started = startFunctionsHost({ appDirectory: broken.directory, log: logRecorder().log });
      await expect(started).rejects.toThrow(expected);
      await expect(started).rejects.toBeInstanceOf(HostError);
      expect(process.env['WEBSITE_HOSTNAME']).toBeUndefined();
    } finally {
      await broken.remove();
    }
  });

  test('ends the process with exit code 1, the file and the reason', async () => {
    const broken = await writeAppFolder('throw new Error("no such setting");');
    const run = runHost(broken.directory, ['--port', '0', '--quiet']);
    expect(await run.exited).toEqual([1, null]);
    expect(run.stderr()).toMatch(/app\.cjs threw while loading\.\nError: no such setting/);
    expect(run.stdout()).toBe('');
    await broken.remove();
  });

  test('cannot claim a route of the host', async () => {
    const broken = await writeAppFolder(app('app.get("a", { route: "Admin/x", handler: () => ({}) })'));
    await writeFile(
      path.join(broken.directory, 'host.json'),
      '{"version":"2.0","extensions":{"http":{"routePrefix":""}}}',
    );
    await expect(startFunctionsHost({ appDirectory: broken.directory })).rejects.toThrow(/belongs to the host/);
    await broken.remove();
  });

  test('and was not built ends the host with what to do', async () => {
    const empty = await writeAppFolder('', 'other.cjs');
    await writeFile(path.join(empty.directory, 'package.json'), '{"main":"dist/app.cjs"}');
    const run = runHost(empty.directory, ['--port', '0']);
    expect(await run.exited).toEqual([1, null]);
    expect(run.stderr()).toMatch(/dist\/app\.cjs does not exist .*npm run build/);
    await empty.remove();
  });

  test('identity connections are refused by name', async () => {
    const broken = await writeAppFolder(
      app('app.serviceBusQueue("a", { connection: "Bus", queueName: "q", handler() {} })'),
    );
    process.env['Bus__fullyQualifiedNamespace'] = 'x.servicebus.windows.net';
    try {
      await expect(startFunctionsHost({ appDirectory: broken.directory })).rejects.toThrow(
        /by identity \(Bus__fullyQualifiedNamespace\), which this local host does not support/,
      );
    } finally {
      delete process.env['Bus__fullyQualifiedNamespace'];
      await broken.remove();
    }
  });

  test('a function that is switched off by a setting is not served', async () => {
    const run = runHost(folder.directory, ['--port', '0'], { 'AzureWebJobs.text.Disabled': 'true' });
    const url = await run.url;
    expect((await fetch(`${url}/api/text`)).status).toBe(404);
    expect((await fetch(`${url}/api/empty`)).status).toBe(200);
  });
});

const greeting = (load: string) => `${load}\napp.get('hello', () => ({ body: 'hello' }));\n`;

describe('the other ways to write an app', () => {
  const library = path.resolve('node_modules/@azure/functions/dist/azure-functions.js');

  test.each([
    ['an ES module', 'app.mjs', greeting(`import { app } from ${JSON.stringify(`file://${library}`)};`)],
    ['a glob of entry files', 'func*.cjs', greeting(`const { app } = require(${JSON.stringify(library)});`)],
  ])('%s is loaded', async (_case, entry, text) => {
    const other = await writeAppFolder(text, entry.replace('*', 'tions'));
    await writeFile(path.join(other.directory, 'package.json'), JSON.stringify({ main: entry }));
    const run = runHost(other.directory, ['--port', '0']);
    expect(await (await fetch(`${await run.url}/api/hello`)).text()).toBe('hello');
    await other.remove();
  });
});

describe('the build', () => {
  test('refuses to put emulators or tests into the app', async () => {
    const outfile = path.join(folder.directory, 'dist', 'other.cjs');
    await expect(buildApp({ entry: 'test/fixtures/functions-app/main.ts', outfile })).rejects.toThrow(
      /must not contain test\/fixtures\/functions-app\/main\.ts/,
    );
  });

  test('names the place of a fault', async () => {
    const source = path.join(folder.directory, 'broken.ts');
    await writeFile(source, "import './nowhere.ts';\nconsole.log(import.meta.url);\n");
    await expect(buildApp({ entry: source, outfile: path.join(folder.directory, 'broken.cjs') })).rejects.toThrow(
      /broken\.ts:1:7: Could not resolve "\.\/nowhere\.ts"/,
    );
    await writeFile(source, 'console.log(import.meta.url);\n');
    await expect(buildApp({ entry: source, outfile: path.join(folder.directory, 'broken.cjs') })).rejects.toThrow(
      /"import\.meta" is not available/,
    );
  });
});
