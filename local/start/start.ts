// `npm start`: everything on this machine, mail flowing through the app, and the CRM's side of it on the screen.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sampleMailboxes } from '../sample-mail/sample-mailboxes.ts';
import { buildDeployed } from '../build.ts';
import { type Environment, startEnvironment } from './environment.ts';
import { type HostProcess, requireCoreTools, startHost } from './host-process.ts';
import { collectMails, type MailToFeed } from './mail-source.ts';
import { runCommand } from './run-command.ts';
import { runMails, type RunResult } from './run-mails.ts';
import { parseStartOptions, type StartOptions, startUsage } from './start-options.ts';
import { onStopRequested } from './stop-signal.ts';
import { isExactlyOnce, summaryLines } from './summary.ts';
import { makeTerminal, printable, type Terminal } from './terminal.ts';
import { waitUntil } from './wait-until.ts';
import { writeJsonFile } from './write-json-file.ts';

const SUBSCRIBE_LIMIT_MS = 90_000;
const LAST_LINES_SHOWN = 15;
const MOST_NAMED = 20;

type Place = { app: App; terminal: Terminal; stopping: AbortController };
type App = { environment: Environment; host: HostProcess; logFile: string; close(): Promise<void> };

function introduce(terminal: Terminal, { settings, graph, serviceBus, storage }: Environment, logFile: string): void {
  const { table, blob } = storage.ports;
  terminal.line(`  Graph, identity   ${graph.url}`);
  terminal.line(`  Service Bus       127.0.0.1:${serviceBus.port}`);
  terminal.line(`  storage           127.0.0.1:${table} tables, ${blob} blobs`);
  terminal.line(`  the app           ${settings.functionsUrl}   log: ${logFile}`);
  terminal.line();
  terminal.line('  mailbox ▶ Graph ▶ notification ▶ webhook ▶ [mailbox-work] ▶ delta ▶ [crm-mail] ▶ CRM, shown here');
  terminal.line();
}

async function startApp(options: StartOptions, terminal: Terminal, folder: string): Promise<App> {
  const building = buildDeployed();
  // Awaited below; a build that fails first must not count as unhandled.
  building.catch(() => undefined);
  const environment = await startEnvironment({ ports: 'free' });
  const logFile = path.join(folder, 'host.log');
  const settingsFile = path.join(folder, 'settings.json');
  try {
    introduce(terminal, environment, logFile);
    await writeJsonFile(settingsFile, environment.settings);
    await building;
    const host = await startHost({
      functionsUrl: environment.settings.functionsUrl,
      settingsFile,
      env: environment.settings.env,
      logFile,
      coreTools: options.func,
      ...(options.verbose ? { onLine: (line: string) => terminal.dim(`    ${line}`) } : {}),
    });
    return {
      environment,
      host,
      logFile,
      async close() {
        await host.stop();
        await environment.close();
      },
    };
  } catch (error) {
    await environment.close();
    throw error;
  }
}

async function waitForSubscriptions({ graph, mailboxes }: Environment, signal: AbortSignal): Promise<void> {
  const isWatched = (id: string): boolean => graph.control.subscriptions().some(({ target }) => target.userId === id);
  const watched = await waitUntil(() => mailboxes.every(({ id }) => isWatched(id)), SUBSCRIBE_LIMIT_MS, signal);
  if (watched || signal.aborted) return;
  const missing = mailboxes.filter(({ id }) => !isWatched(id)).map(({ address }) => address);
  throw new Error(`The app did not subscribe within ${SUBSCRIBE_LIMIT_MS / 1000} s to: ${missing.join(', ')}.`);
}

/** Runs the work, but rejects as soon as the host or an emulator has died under it. */
async function whileAlive<T>(app: App, stopping: AbortController, work: Promise<T>): Promise<T> {
  const died = Promise.race([
    app.environment.died,
    app.host.ended.then((how) => `The app's host ended unexpectedly: ${how}.`),
  ]).then((reason) => Promise.reject(new Error(reason)));
  try {
    return await Promise.race([work, died]);
  } finally {
    stopping.abort();
    await work.catch(() => undefined);
  }
}

function showLastLines(terminal: Terminal, app: App): void {
  terminal.line(`Last lines of the app's log (all of it: ${app.logFile}):`);
  for (const line of app.host.lastLines().slice(-LAST_LINES_SHOWN)) terminal.dim(`  ${line}`);
}

function showResult(terminal: Terminal, { mailboxes }: Environment, { summary, books }: RunResult): void {
  const addressOf = (mailboxId: string): string => mailboxes.find(({ id }) => id === mailboxId)?.address ?? mailboxId;
  terminal.line();
  for (const line of summaryLines(summary)) terminal.line(line);
  for (const { name, mailboxId } of books.lost.slice(0, MOST_NAMED)) {
    terminal.alarm(`  missing: ${name}, delivered to ${addressOf(mailboxId)}`);
  }
  for (const { internetMessageId, mailboxId } of books.duplicated.slice(0, MOST_NAMED)) {
    terminal.alarm(`  arrived again: ${printable(internetMessageId)} of ${addressOf(mailboxId)}`);
  }
  terminal.line();
}

/** Waits for the subscriptions, feeds the mails, shows and writes the figures; true if all is well. */
async function carryOut(options: StartOptions, mails: MailToFeed[], at: Place): Promise<boolean> {
  const { app, terminal, stopping } = at;
  const { environment } = app;
  const { signal } = stopping;
  const work = async (): Promise<RunResult | undefined> => {
    await waitForSubscriptions(environment, signal);
    if (signal.aborted) return undefined;
    if (options.settingsFile !== undefined) await writeJsonFile(options.settingsFile, environment.settings);
    terminal.line(`${environment.mailboxes.length} mailboxes subscribed. Mail comes in now; Ctrl-C stops.`);
    terminal.line();
    return runMails({ environment, mails, once: options.once, terminal, signal });
  };
  const result = await whileAlive(app, stopping, work());
  if (result === undefined) return !options.once;
  showResult(terminal, environment, result);
  if (options.jsonFile !== undefined) await writeJsonFile(options.jsonFile, result.summary);
  if (!options.once) return true;
  const isGood = isExactlyOnce(result.summary);
  if (isGood) terminal.line('Every mail arrived exactly once.');
  else terminal.alarm('Not every mail arrived exactly once, sent once.');
  return isGood;
}

async function main(): Promise<number> {
  const options = parseStartOptions(process.argv.slice(2));
  if (options.help) {
    console.log(startUsage);
    return 0;
  }
  if (options.func) requireCoreTools();
  // Left from an earlier run, they would be taken for this one's.
  for (const file of [options.settingsFile, options.jsonFile]) if (file !== undefined) await rm(file, { force: true });
  const mails = await collectMails(options, sampleMailboxes, new Date());
  const terminal = makeTerminal(process.stdout);
  const stopping = new AbortController();
  onStopRequested(() => stopping.abort());

  terminal.line('Graph Mail Ingest, whole on this machine: no cloud, no account.');
  terminal.line();
  const folder = await mkdtemp(path.join(tmpdir(), 'graph-mail-ingest-'));
  const app = await startApp(options, terminal, folder);
  let succeeded = false;
  try {
    succeeded = await carryOut(options, mails, { app, terminal, stopping });
  } catch (error) {
    // Said at once: stopping the rest in order may take some seconds.
    terminal.alarm(error instanceof Error ? error.message : String(error));
  }
  if (!succeeded && !options.verbose) showLastLines(terminal, app);
  await app.close();
  if (succeeded) await rm(folder, { recursive: true, force: true });
  return succeeded ? 0 : 1;
}

runCommand(main);
