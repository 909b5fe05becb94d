// `node …/forge.ts --posts N [--seed S] [--no-cost]`: N forged POSTs to the real webhook, what they caused and what they cost. Exit 0
// only if they caused nothing.
import { parseArgs } from 'node:util';
import { seededRandom } from '../seeded-random.ts';
import { startBrokerProcess } from './broker-process.ts';
import { genuineItem } from './forged-items.ts';
import { type Body, forgedPost } from './forged-posts.ts';
import { openServiceBus } from '../../../shared/adapters/service-bus/connection.ts';
import { makeWorkQueue } from '../../../shared/adapters/service-bus/work-queue.ts';
import { openWebhook, type Webhook } from './webhook-under-test.ts';

const { values } = parseArgs({
  allowNegative: true,
  options: {
    posts: { type: 'string', default: '2000000' },
    seed: { type: 'string', default: '1' },
    cost: { type: 'boolean', default: true },
  },
});
const posts = Number(values.posts);

const AT_ONCE = 64;
const ROUNDS = 11;
const POSTS_PER_ROUND = 1_024;
const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

async function attack(): Promise<boolean> {
  const webhook = await openWebhook();
  const random = seededRandom(Number(values.seed));
  const statuses = new Map<number, number>();
  const startedAt = performance.now();
  for (let sent = 0; sent < posts; sent += AT_ONCE) {
    const answers = await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, posts - sent) }, () => webhook.post(forgedPost(random))),
    );
    for (const { status = 0 } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const count = (prefix: RegExp) => webhook.calls.filter((call) => prefix.test(call)).length;
  const caused = {
    graphCalls: count(/^(mail|subscriptions|directory)\./),
    sends: count(/^(workQueue|crmQueue)\./),
    tableReads: count(/^(deliveries|folders)\./),
    otherCalls: count(/^(claims|keys)\./),
  };
  console.log({ posts, seconds: Math.round(seconds), answers: Object.fromEntries(statuses), ...caused });
  const expected = [...statuses.keys()].every((status) => [202, 400, 413].includes(status));
  return expected && Object.values(caused).every((number) => number === 0);
}

/** CPU of this process for one POST, in microseconds. The broker runs in a process of its own. */
async function cpuOf(webhook: Webhook, next: () => Body): Promise<number> {
  const before = process.cpuUsage();
  for (let sent = 0; sent < POSTS_PER_ROUND; sent += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, () => webhook.post(next())));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / POSTS_PER_ROUND;
}

async function compareCost(): Promise<void> {
  const broker = await startBrokerProcess();
  const bus = openServiceBus(
    { kind: 'connection-string', connectionString: broker.connectionString },
    { getToken: () => Promise.resolve(null) },
  );
  try {
    const webhook = await openWebhook(makeWorkQueue(bus, 'mailbox-work'));
    const genuine = JSON.stringify({ value: [genuineItem()] });
    const forged = JSON.stringify({ value: [{ ...genuineItem(), clientState: 'secretClientValue' }] });
    const random = seededRandom(2);
    // Made beforehand: only the judging counts.
    const mixed = Array.from({ length: POSTS_PER_ROUND }, () => forgedPost(random));
    let next = 0;
    const rounds = { genuine: [] as number[], forged: [] as number[], mixed: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      const times = {
        genuine: await cpuOf(webhook, () => genuine),
        forged: await cpuOf(webhook, () => forged),
        mixed: await cpuOf(webhook, () => mixed[next++ % mixed.length] ?? ''),
      };
      // The first round warms up.
      if (round > 0) for (const kind of ['genuine', 'forged', 'mixed'] as const) rounds[kind].push(times[kind]);
    }
    const [ack, forgery, mixture] = [rounds.genuine, rounds.forged, rounds.mixed].map(median);
    const ratio = (number: number | undefined) => Math.round(((number ?? 0) / (ack ?? 1)) * 1000) / 1000;
    console.log({
      genuineAckMicroseconds: Math.round(ack ?? 0),
      forgedMicroseconds: Math.round(forgery ?? 0),
      mixedForgeriesMicroseconds: Math.round(mixture ?? 0),
      forgedToGenuine: ratio(forgery),
      mixedToGenuine: ratio(mixture),
    });
  } finally {
    await bus.close();
    await broker.close();
  }
}

const harmless = await attack();
if (values.cost) await compareCost();
process.exitCode = harmless ? 0 : 1;
