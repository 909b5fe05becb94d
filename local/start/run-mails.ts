// One run: mails go in at the mailboxes, mail events come out at the CRM, and the books are kept in between.
import { countedOperations, isIdle } from './counted-operations.ts';
import { startCrmConsumer } from './crm-consumer.ts';
import type { Environment } from './environment.ts';
import { emlUrl, feedMails } from './feed-mails.ts';
import { type Books, MailLedger, toArrival } from './mail-ledger.ts';
import type { MailToFeed } from './mail-source.ts';
import { mailEventLines } from './show-mail-event.ts';
import { operationsBetween, type Summary, summarize } from './summary.ts';
import type { Terminal } from './terminal.ts';
import { waitForQuiet, waitUntil } from './wait-until.ts';

const HUMAN_PACE_MS = 1000;
/** Idle for so long, nothing more is to be expected: an app at work touches one of the emulators much more often. */
const QUIET_MS = 400;
const QUIET_LIMIT_MS = 20_000;
/** Graph sends twenty notifications a second to one address; the last ones come long after their mails. */
const QUIET_LIMIT_PER_MAIL_MS = 60;
const LAST_MAIL_LIMIT_MS = 3000;
const ARRIVAL_LIMIT_MS = 120_000;
const ARRIVAL_LIMIT_PER_MAIL_MS = 100;
/** More events than this are not shown one by one. */
const SHOWN_MOST = 200;

/** What a run needs. */
export type RunOptions = {
  environment: Environment;
  mails: readonly MailToFeed[];
  once: boolean;
  terminal: Terminal;
  /** Ends the run early. */
  signal: AbortSignal;
};

/** What a run brought. */
export type RunResult = { summary: Summary; books: Books };

function showHowToSend(terminal: Terminal, environment: Environment): void {
  const [mailbox] = environment.mailboxes;
  if (mailbox === undefined) return;
  terminal.line();
  terminal.line('That was the sample mail. Send one of your own from another terminal:');
  terminal.line(
    `  printf 'From: me@example.com\\nTo: ${mailbox.address}\\nSubject: Hello\\n\\nMy own mail\\n' | ` +
      `curl -sS --data-binary @- -H 'content-type: message/rfc822' ${emlUrl(environment.graph.url, mailbox.id)}`,
  );
  terminal.line('Ctrl-C stops.');
}

/** Feeds the mails and follows them to the CRM; with `once` until all have arrived, else until the signal. */
export async function runMails({ environment, mails, once, terminal, signal }: RunOptions): Promise<RunResult> {
  const ledger = new MailLedger();
  const addresses = new Map(environment.mailboxes.map(({ id, address }) => [id.toLowerCase(), address]));
  const showStatus = (): void => {
    const { sentCount, receivedCount } = ledger;
    terminal.status(`  ${sentCount} sent · ${receivedCount} received · Ctrl-C stops`);
  };
  /** Changes as long as there is something to do. */
  const activity = (): string =>
    isIdle(environment) ? JSON.stringify(countedOperations(environment)) : String(performance.now());

  const consumer = startCrmConsumer({
    serviceBusConnectionString: environment.serviceBus.connectionString,
    // The CRM's reading of claim checks must not appear among the app's operations.
    storageConnectionString: environment.storage.uncountedConnectionString,
    queue: 'crm-mail',
    onMailEvent(event, arrivedAtMs) {
      const arrival = toArrival(event, arrivedAtMs);
      const isFirst = ledger.arrived(arrival);
      if (ledger.receivedCount <= SHOWN_MOST) {
        const mailbox = addresses.get(event.mailbox.id.toLowerCase()) ?? event.mailbox.address;
        const [head, details] = mailEventLines(event, new Date(), mailbox, ledger.latencyMs(arrival));
        terminal.line(isFirst ? head : `${head}  AGAIN`);
        terminal.dim(details);
      } else if (ledger.receivedCount === SHOWN_MOST + 1) {
        terminal.line(`(more than ${SHOWN_MOST} mail events: the rest is only counted)`);
      }
      showStatus();
    },
    onProblem: (text) => terminal.alarm(text),
  });

  try {
    // What the start itself causes (first look into each mailbox) shall not be counted as the mails' doing.
    await waitForQuiet(activity, QUIET_MS, QUIET_LIMIT_MS, signal);
    const before = countedOperations(environment);
    await feedMails({
      graphRoot: environment.graph.url,
      mails,
      ledger,
      pauseMs: once ? 0 : HUMAN_PACE_MS,
      signal,
      onFed: showStatus,
    });
    if (once) {
      await waitUntil(() => ledger.isComplete, ARRIVAL_LIMIT_MS + mails.length * ARRIVAL_LIMIT_PER_MAIL_MS, signal);
      await waitForQuiet(activity, QUIET_MS, QUIET_LIMIT_MS + mails.length * QUIET_LIMIT_PER_MAIL_MS, signal);
    } else {
      await waitUntil(() => ledger.isComplete, ARRIVAL_LIMIT_MS, signal);
      if (!signal.aborted) showHowToSend(terminal, environment);
      await waitUntil(() => false, Infinity, signal);
      // A mail that is on its way when Ctrl-C comes is not lost.
      await waitUntil(() => ledger.isComplete, LAST_MAIL_LIMIT_MS, new AbortController().signal);
    }
    const after = countedOperations(environment);
    const books = ledger.books();
    return { books, summary: summarize(books, after.sends - before.sends, operationsBetween(before, after)) };
  } finally {
    await consumer.close();
    terminal.endStatus();
  }
}
