import type { Plant } from '../plant.ts';

const sync = 'shared/use-cases/sync-mailbox.ts';
const hold = 'shared/use-cases/hold-lane.ts';
const lane = 'shared/domain/lane.ts';
const processWork = 'shared/use-cases/process-mailbox-work.ts';
const laneProperty = 'test/property/lane.test.ts';
const ofSync = 'test/unit/use-cases/sync-mailbox.test.ts';
const ofFailures = 'test/unit/use-cases/sync-mailbox-failures.test.ts';

/** Rings, lanes and back-off: who reads a mailbox, and who makes sure that somebody does. */
export const LANE_PLANTS: readonly Plant[] = [
  {
    name: 'complete before send',
    ids: ['F72'],
    file: processWork,
    from: 'await syncMailbox(ring);',
    to: 'syncMailbox(ring).catch(() => undefined);',
    foundBy: 'simulation',
  },
  {
    name: 'ring dropped when it cannot be put off',
    ids: ['F65', 'F52'],
    file: processWork,
    from: '{ at: new Date(deliveries.clock.now() + waitMs) });',
    to: '{ at: new Date(deliveries.clock.now() + waitMs) }).catch(() => undefined);',
    foundBy: 'test/unit/use-cases/put-off-rings.test.ts',
  },
  {
    name: 'outage uses up the deliveries of a ring',
    ids: ['F32', 'F37', 'F65'],
    file: processWork,
    from: 'const waitMs = waitFor(putOff, random());',
    to: 'if (ring) throw error;\n      const waitMs = waitFor(putOff, random());',
    foundBy: ofFailures,
  },
  {
    name: 'lane without ETag',
    ids: ['F44', 'F63'],
    file: sync,
    from: 'const tag = await deliveries.writeLane(ring.mailbox, taken, state.laneTag);',
    to: `const current = await deliveries.readLane(ring.mailbox);
      const tag = await deliveries.writeLane(ring.mailbox, taken, current.tag);`,
    foundBy: 'simulation',
  },
  {
    name: 'lane taken although it is held',
    ids: ['F44', 'F76'],
    file: sync,
    from: 'if (isHeld(state.lane, now)) {',
    to: "if (isHeld(state.lane, now) && state.lane.holder === '') {",
    foundBy: 'simulation',
  },
  {
    name: 'late worker goes on with a lane that passed on',
    ids: ['F44'],
    file: hold,
    from: 'if (current.lane.holder !== taken.holder || current.tag === undefined) throw lost();',
    to: 'if (current.tag === undefined) throw lost();',
    foundBy: ofFailures,
  },
  {
    name: 'lease never extended',
    ids: ['F44', 'F51'],
    file: hold,
    from: 'inTurn(() => write(renewed, storeLane)).catch(() => undefined);',
    to: '',
    foundBy: ofFailures,
  },
  {
    name: 'mark dropped on release',
    ids: ['F21'],
    file: hold,
    from: '(letGo && !marked ? release(current) : renewed(current))',
    to: '(letGo ? release(current) : renewed(current))',
    foundBy: ofSync,
  },
  {
    name: 'mark of a stranger overlooked',
    ids: ['F21'],
    file: hold,
    from: 'marked ||= lane.marked;',
    to: '',
    foundBy: ofSync,
  },
  {
    name: 'ring completed against a dead holder',
    ids: ['F72', 'F74'],
    file: lane,
    from: 'lane.marked && lane.guardAt.getTime() > lane.leaseEnd.getTime() && lane.guardAt.getTime() - now > CLOCKS_DIFFER_MS;',
    to: "lane.holder !== '' || (lane.marked && lane.guardAt.getTime() > now);",
    foundBy: laneProperty,
  },
  {
    name: 'lane guarded before its guard is sent',
    ids: ['F72'],
    file: 'shared/use-cases/guard-ring.ts',
    from: 'if (!copy) await workQueue.send([sentOn], { at: guardAt });',
    to: 'if (!copy) workQueue.send([sentOn], { at: guardAt }).catch(() => undefined);',
    foundBy: ofSync,
  },
  {
    name: 'pause without a ring that ends it',
    ids: ['F35', 'F37'],
    file: 'shared/use-cases/pause-mailbox.ts',
    from: "log('warn', 'mailbox backs off'",
    to: "if (failures > 99) throw error;\n    log('warn', 'mailbox backs off'",
    foundBy: ofFailures,
  },
  {
    name: 'back-off never grows',
    ids: ['F37'],
    file: lane,
    from: 'BACK_OFF_BASE_MS * 2 ** Math.min(failures, 20)',
    to: 'BACK_OFF_BASE_MS * 2',
    foundBy: 'test/unit/domain/lane.test.ts',
  },
  {
    name: 'Retry-After shortened by chance',
    ids: ['F35'],
    file: lane,
    from: 'Math.max(retryAfterMs ?? 0, Math.ceil(random * ceiling), 200)',
    to: 'Math.max(random * (retryAfterMs ?? 0), Math.ceil(random * ceiling), 200)',
    foundBy: 'simulation',
  },
  {
    name: 'page that kills workers asked for again and again',
    ids: ['F77', 'F57'],
    file: sync,
    from: 'const takeovers = suspect.takeovers + 1;',
    to: 'const takeovers = suspect.takeovers;',
    foundBy: ofFailures,
  },
  {
    name: 'slice without end',
    ids: ['F50'],
    file: sync,
    from: 'deliveries.clock.now() - startedAt > SLICE_MS;',
    to: 'deliveries.clock.now() - startedAt > SLICE_MS * 1_000;',
    foundBy: 'test/unit/use-cases/sync-mailbox-chains.test.ts',
  },
  {
    name: 'merged rings lose their retries',
    ids: ['F58', 'F57'],
    file: 'shared/domain/work-item.ts',
    from: '...(retry.length > 0 && { retry }),',
    to: '',
    foundBy: 'test/property/rings.test.ts',
  },
  {
    name: 'closed chain never opened again',
    ids: ['F24', 'F34'],
    file: 'shared/use-cases/reopen-folders.ts',
    from: 'if (!(await isWanted())) continue;',
    to: 'if (closed) continue;',
    foundBy: 'test/unit/use-cases/half-removed-mailbox.test.ts',
  },
  {
    name: 'merged ring forgets the subscription',
    ids: ['F20'],
    file: 'shared/domain/work-item.ts',
    from: 'const look = strength(a.look) >= strength(b.look) ? a.look : b.look;',
    to: 'const look = a.look;',
    foundBy: 'test/property/rings.test.ts',
  },
  {
    name: 'ring of an unknown version dropped',
    ids: ['F62'],
    file: 'shared/domain/work-item.ts',
    from: "return doorbell.success ? { mailbox: doorbell.data.mailbox, folders: [], ids: [], look: 'again' } : undefined;",
    to: 'return doorbell.success ? undefined : undefined;',
    foundBy: 'test/unit/domain/work-item.test.ts',
  },
];
