import { describe, expect, test } from 'vitest';
import { type Arrival, MailLedger, type SentMail } from '../../local/start/mail-ledger.ts';
import { mailEventLines } from '../../local/start/show-mail-event.ts';
import { isExactlyOnce, percentile, summarize } from '../../local/start/summary.ts';

const sent = (id: string, sentAtMs = 0): SentMail => ({
  name: id,
  mailboxId: 'box',
  id,
  internetMessageId: `<${id}>`,
  sentAtMs,
});
const arrival = (id: string, arrivedAtMs = 0): Arrival => ({
  mailboxId: 'box',
  id,
  internetMessageId: `<${id}>`,
  arrivedAtMs,
});
const noOperations = { graphRequests: 0, busOperations: 0, tableCalls: 0, blobCalls: 0 };

function summaryOf(mails: SentMail[], arrivals: Arrival[], sends: number): ReturnType<typeof summarize> {
  const ledger = new MailLedger();
  for (const mail of mails) ledger.sent(mail);
  for (const each of arrivals) ledger.arrived(each);
  return summarize(ledger.books(), sends, noOperations);
}

describe('the books of a run', () => {
  test('balance when each mail arrived once, also when an event overtook the answer to the feeder', () => {
    const ledger = new MailLedger();
    ledger.arrived(arrival('a', 30));
    ledger.sent(sent('a', 10));
    expect(ledger.isComplete).toBe(true);
    const summary = summarize(ledger.books(), 1, noOperations);
    expect(summary).toMatchObject({ sent: 1, received: 1, lost: 0, duplicated: 0, sends: 1, latencyMs: { p50: 20 } });
    expect(isExactlyOnce(summary)).toBe(true);
  });

  test('show a mail that never arrived as lost', () => {
    const summary = summaryOf([sent('a'), sent('b')], [arrival('a')], 1);
    expect(summary).toMatchObject({ sent: 2, received: 1, lost: 1, duplicated: 0 });
    expect(isExactlyOnce(summary)).toBe(false);
  });

  test('show a second event of the same mail as duplicated, even beside a lost one', () => {
    const summary = summaryOf([sent('a'), sent('b')], [arrival('a'), arrival('a')], 2);
    expect(summary).toMatchObject({ sent: 2, received: 2, lost: 1, duplicated: 1 });
    expect(isExactlyOnce(summary)).toBe(false);
  });

  test('do not call it exactly once when the broker had to drop a second send', () => {
    expect(isExactlyOnce(summaryOf([sent('a')], [arrival('a')], 2))).toBe(false);
  });

  test('tell ids apart that differ only in case, as Graph does', () => {
    expect(summaryOf([sent('AAa')], [arrival('AAA')], 1)).toMatchObject({ lost: 1 });
  });

  test('give percentiles that are real values', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile([7], 0.99)).toBe(7);
    expect(percentile([], 0.5)).toBe(0);
  });
});

describe('a mail event on the screen', () => {
  test('takes two lines whatever the mail says, so that no mail can forge another one or move the cursor', () => {
    const event = {
      id: 'e',
      mailbox: { id: 'box', address: 'box@example.com' },
      message: {
        id: 'm',
        subject: 'line\r\n\u001b[2Jtwo\u202e',
        from: { name: 'A\u0000B', address: 'a@example.com' },
        attachments: [{ name: 'x\n.pdf', size: 2048 }],
      },
    };
    const lines = mailEventLines(event, new Date(0), 'box@example.com', 12.3);
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(lines.join(' ')).toMatch(/A B <a@example.com> {2}12 ms.*line {1,2}\[2Jtwo · x \.pdf \(2 KB\)/);
  });
});
