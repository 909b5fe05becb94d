import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type AppFolder, buildAppFolder, killHosts, runHost, until } from './functions-host-fixture.ts';

const windows = process.platform === 'win32';

let folder: AppFolder;

beforeAll(async () => {
  folder = await buildAppFolder();
});
afterEach(killHosts);
afterAll(() => folder.remove());

// A request whose handler waits for the message "release".
function beginSlow(url: string): { answer: Promise<string>; began: Promise<unknown> } {
  const answer = fetch(`${url}/api/slow`).then((response) => response.text(), String);
  const began = until(
    'the slow handler began',
    async () => (await fetch(`${url}/api/seen`)).json(),
    (seen) => Array.isArray(seen) && seen.includes('slow began'),
  );
  return { answer, began };
}

async function environmentOf(url: string): Promise<unknown> {
  return (await fetch(`${url}/api/environment`)).json();
}

describe('the command', () => {
  test('prints one line when ready, names the functions, tells its parent, and stops when asked', async () => {
    const run = runHost(folder.directory, ['--port', '0']);
    const url = await run.url;
    const withSeen: unknown = expect.arrayContaining([{ name: 'seen', trigger: 'http', detail: 'GET /api/seen' }]);
    expect((await fetch(`${url}/api/text`)).status).toBe(200);
    await until(
      'the parent was told',
      () => run.messages,
      (messages) => messages.length === 1,
    );
    expect(run.messages).toEqual([
      expect.objectContaining({
        type: 'ready',
        url,
        functions: withSeen,
      }),
    ]);
    expect(run.stdout()).toMatch(/no proof for Azure/);
    expect(run.stdout()).toMatch(/^ {2}tick +timer +0 0 0 1 1 \*$/m);
    expect(run.stdout().match(/Functions host listening/g)).toHaveLength(1);
    run.child.send({ type: 'shutdown' });
    expect(await run.exited).toEqual([0, null]);
    expect(run.stdout()).toContain('appTerminate after appStart: true');
  });

  test('waits on the way out for what runs, and takes nothing new', async () => {
    const run = runHost(folder.directory, ['--port', '0', '--quiet']);
    const url = await run.url;
    const slow = beginSlow(url);
    await slow.began;
    run.child.send('shutdown');
    await until(
      'new requests are refused',
      () => fetch(`${url}/api/text`).then(({ status }) => status),
      (status) => status === 503,
    );
    run.child.send('release');
    expect(await slow.answer).toBe('slow is done');
    expect(await run.exited).toEqual([0, null]);
  });

  test.skipIf(windows)('SIGTERM stops it; one more a while later does so at once', async () => {
    const run = runHost(folder.directory, ['--port', '0', '--quiet']);
    const url = await run.url;
    const slow = beginSlow(url);
    await slow.began;
    run.child.kill('SIGTERM');
    await until(
      'the stop has begun',
      () => fetch(`${url}/api/text`).then(({ status }) => status),
      (status) => status === 503,
    );
    expect(run.child.exitCode).toBeNull();
    await until(
      'it gave up waiting',
      () => run.child.kill('SIGTERM') && run.child.exitCode,
      (code) => code !== null,
    );
    expect(await run.exited).toEqual([130, null]);
    expect(await slow.answer).toMatch(/fetch failed/);
  });

  test('ends with its parent', async () => {
    const run = runHost(folder.directory, ['--port', '0']);
    await run.url;
    const gone = once(run.child, 'exit');
    run.child.disconnect();
    expect(await gone).toEqual([0, null]);
  });

  test('an unhandled rejection ends it, as it ends the real worker', async () => {
    const run = runHost(folder.directory, ['--port', '0']);
    await fetch(`${await run.url}/api/reject-unhandled`).catch(() => undefined);
    expect(await run.exited).toEqual([1, null]);
    expect(run.stderr()).toContain('nobody handles this');
  });

  test('log lines go to stdout as they are, warnings to stderr with their level; --quiet leaves the latter', async () => {
    const loud = runHost(folder.directory, ['--port', '0']);
    await fetch(`${await loud.url}/api/log`);
    await until(
      'all is printed',
      () => loud.stderr(),
      (text) => text.includes('a warning line'),
    );
    expect(loud.stdout()).toContain('\nan hooked line { count: 1 }\n');
    expect(loud.stderr()).toContain('[warning] log: a warning line\n');
    const quiet = runHost(folder.directory, ['--port', '0', '--quiet']);
    await fetch(`${await quiet.url}/api/log`);
    await until(
      'all is printed',
      () => quiet.stderr(),
      (text) => text.includes('a warning line'),
    );
    expect(quiet.stdout()).toMatch(/^Functions host listening on \S+\n$/);
  });

  test('--enable-auth prints the keys that open the routes', async () => {
    const run = runHost(folder.directory, ['--port', '0', '--enable-auth']);
    const url = await run.url;
    const key = await until(
      'the key is there',
      () => /master key +(\S+)/.exec(run.stdout())?.[1],
      (found) => found !== undefined,
    );
    expect((await fetch(`${url}/api/guarded`)).status).toBe(401);
    expect((await fetch(`${url}/api/guarded`, { headers: { 'x-functions-key': key ?? '' } })).status).toBe(200);
  });
});

const settingsFile = () => path.join(folder.directory, 'settings.json');

describe('settings', () => {
  test('come from the environment first, then from the file, whose functionsUrl gives the port', async () => {
    const free = runHost(folder.directory, ['--port', '0']);
    const { port } = new URL(await free.url);
    free.child.send('shutdown');
    await free.exited;
    const settings = {
      env: { SAMPLE: 'file', TICK_SCHEDULE: '0 0 * * * *' },
      functionsUrl: `http://127.0.0.1:${port}`,
    };
    await writeFile(settingsFile(), JSON.stringify(settings));
    const run = runHost(folder.directory, ['--settings', settingsFile()]);
    expect(await run.url).toBe(`http://127.0.0.1:${port}`);
    expect(await environmentOf(await run.url)).toEqual({ host: `localhost:${port}`, sample: 'file' });
    expect(run.stdout()).toMatch(/tick +timer +0 0 0 1 1 \*/);
    const second = runHost(folder.directory, ['--settings', settingsFile()]);
    expect(await second.exited).toEqual([1, null]);
    expect(second.stderr()).toMatch(/^Port \d+ is in use: .*--port N/);
  });

  test('come from local.settings.json when no file is named', async () => {
    const other = await buildAppFolder();
    const { directory } = other;
    try {
      const values = { Values: { SAMPLE: 'local', WEBSITE_HOSTNAME: 'example.test' }, Host: { LocalHttpPort: 1 } };
      await writeFile(path.join(directory, 'local.settings.json'), JSON.stringify(values));
      const run = runHost(directory, ['--port', '0']);
      expect(await environmentOf(await run.url)).toEqual({ host: 'example.test', sample: 'local' });
    } finally {
      await other.remove();
    }
  });

  test.each([
    ['a file that is not there', '--settings', 'nowhere.json', /nowhere\.json cannot be read/],
    ['a file without env', '--settings', 'package.json', /package\.json is not an object with "env"/],
    ['a port that is none', '--port', '99999', /--port needs a number/],
    ['an unknown flag', '--prot', '1', /Unknown option '--prot'/],
  ])('%s ends the host with a sentence', async (_case, flag, value, expected) => {
    const run = runHost(folder.directory, [flag, value]);
    expect(await run.exited).toEqual([1, null]);
    expect(run.stderr()).toMatch(expected);
    expect(run.stderr()).not.toMatch(/^\s+at /m);
  });
});
