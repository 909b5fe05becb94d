// `npm run bench`: counts per mail and the ack rate, beside the goals. Counts are exact; times depend on the machine.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ackRate } from './ack-rate.ts';
import { coldStart } from './cold-start.ts';
import { burst, trickle } from './counts.ts';

const { values } = parseArgs({ options: { json: { type: 'string' } } });

console.log('trickle: 20 mailboxes, one mail a minute each, 20 minutes');
const slow = await trickle(20, 20);
console.log('burst: 10 mailboxes, 200 mails each');
const fast = await burst(10, 200);
console.log('acknowledgements: 8 and 64 connections, 4 s each');
const few = await ackRate(8, 4_000);
const many = await ackRate(64, 4_000);
console.log('cold start');
const cold = await coldStart();

const figures = {
  P1: {
    acksPerSecond: many.acksPerSecond,
    p99Ms: many.p99Ms,
    acksPerSecondAt8: few.acksPerSecond,
    p99MsAt8: few.p99Ms,
  },
  P4: { trickle: slow.graphRequests, burst: fast.graphRequests },
  P6: { trickle: slow.busOperations, burst: fast.busOperations },
  P7: { trickle: slow.tableCalls, burst: fast.tableCalls },
  P8: { trickle: slow.blobCalls, burst: fast.blobCalls },
  P13: { loadMs: cold.loadMs, bareNodeMs: cold.bareNodeMs, bundleMb: cold.bundleMb },
};

const row = (id: string, what: string, measured: string, goal: string) =>
  console.log(`${id.padEnd(4)} ${what.padEnd(34)} ${measured.padEnd(28)} goal ${goal}`);

console.log();
row('P1', 'acks a second, 64 connections', `${many.acksPerSecond}, p99 ${many.p99Ms} ms`, '10,000, p99 100 ms');
row('', 'acks a second, 8 connections', `${few.acksPerSecond}, p99 ${few.p99Ms} ms`, '');
row('P4', 'Graph requests a mail', `trickle ${slow.graphRequests}, burst ${fast.graphRequests}`, '1.0, 0.05');
row('P6', 'Service Bus operations a mail', `trickle ${slow.busOperations}, burst ${fast.busOperations}`, '4.4, 1.3');
row('P7', 'table calls a mail', `trickle ${slow.tableCalls}, burst ${fast.tableCalls}`, '4, 0.06');
row('P8', 'blob calls a mail', `trickle ${slow.blobCalls}, burst ${fast.blobCalls}`, '0.05');
row('P13', 'load time over bare Node', `${cold.loadMs} ms, ${cold.bundleMb} MB`, '120 ms (webhook), 3 MB');

if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
