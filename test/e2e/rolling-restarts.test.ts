import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findFreePort } from '../../local/start/free-port.ts';
import { type HostProcess, startHost } from '../../local/start/host-process.ts';
import { pause } from '../../local/start/wait-until.ts';
import { writeJsonFile } from '../../local/start/write-json-file.ts';
import { eventually, expectExactlyOnce } from '../support/app/eventually.ts';
import { type LoadBalancer, startLoadBalancer } from '../support/app/load-balancer.ts';
import { startWholeApp, until, type WholeApp } from '../support/app/whole-app.ts';

const RESTARTS = Number(process.env['RESTARTS'] ?? 4);
const MAILS_PER_SECOND = Number(process.env['RATE'] ?? 60);
const EVERY_MS = 100;

let app: WholeApp;
let balancer: LoadBalancer;
let folder: string;
let hosts: HostProcess[] = [];

afterEach(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  hosts = [];
  await app.close();
  await balancer.close();
  await rm(folder, { recursive: true, force: true });
});

async function startInstance(): Promise<{ url: string; host: HostProcess }> {
  const url = `http://127.0.0.1:${await findFreePort()}`;
  const env = { ...app.environment.settings.env, PUBLIC_BASE_URL: balancer.url };
  const settingsFile = path.join(folder, 'settings.json');
  await writeJsonFile(settingsFile, { env });
  const logFile = path.join(folder, `${new URL(url).port}.log`);
  const host = await startHost({ functionsUrl: url, settingsFile, env, logFile, coreTools: false });
  hosts.push(host);
  balancer.instances.add(url);
  return { url, host };
}

/** Mail comes to all mailboxes in turn until it is told to stop; resolves with every id. */
async function feed(stop: AbortSignal): Promise<string[]> {
  const sent: string[] = [];
  for (let round = 0; !stop.aborted; round++) {
    sent.push(
      ...app.deliver(Math.ceil((MAILS_PER_SECOND * EVERY_MS) / 1000), round % app.environment.mailboxes.length),
    );
    await pause(EVERY_MS, stop);
  }
  return sent;
}

describe('two instances that are restarted in turn while mail flows', () => {
  test('lose no mail and double none [F73]', async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'rolling-'));
    balancer = await startLoadBalancer();
    app = await startWholeApp({ hostless: true });
    const { environment } = app;
    const { graph, serviceBus, mailboxes } = environment;
    const running = [await startInstance(), await startInstance()];
    await until('every mailbox has a subscription', () => graph.control.subscriptions().length === mailboxes.length);

    const stop = new AbortController();
    const feeding = feed(stop.signal);
    for (let restart = 0; restart < RESTARTS; restart++) {
      const oldest = running.shift();
      if (!oldest) break;
      const before = app.received().length;
      // A deployment without slots: the instance is still asked while it drains.
      await oldest.host.stop();
      balancer.instances.delete(oldest.url);
      running.push(await startInstance());
      await eventually(() => {
        environment.advanceClock(250);
        return app.received().length;
      }).toBeGreaterThan(before);
    }
    stop.abort();
    const sent = await feeding;
    await eventually(() => {
      // Graph's next try and what is left of a pause would take minutes of real time.
      environment.advanceClock(2_000);
      return new Set(app.received()).size;
    }, 90_000).toBe(sent.length);
    expectExactlyOnce(app.received(), sent);
    expect(serviceBus.queueState('mailbox-work').deadLettered).toBe(0);
    expect(graph.counters().highestConcurrency).toBeLessThanOrEqual(4);
    console.info(`${sent.length} mails over ${RESTARTS} restarts: all arrived once`);
  }, 240_000);
});
