// The schedules of timer triggers: NCRONTAB, evaluated in UTC.
import { Cron } from 'croner';
import { errorMessage, HostError } from './host-error.ts';

/** When a timer fires. */
export interface TimerSchedule {
  /** The first slot after this moment. */
  nextAfter(moment: Date): Date;
  /** Whether two slots can be closer than a minute: such timers have no monitor. */
  firesMoreThanOnceAMinute: boolean;
}

// What NCRONTAB has. croner knows more (?, L, W, #, day 7, years, @daily), which Azure refuses.
const field = /^(?:\*|\d+|[a-z]{3})(?:-(?:\d+|[a-z]{3}))?(?:\/\d+)?$/i;

/** Reads a schedule; one that Azure would not take is a {@link HostError}. */
export function parseSchedule(text: string, usedBy: string): TimerSchedule {
  const problem = (reason: string) =>
    new HostError(`${usedBy}: the schedule "${text}" is not valid NCRONTAB: ${reason}.`);
  if (/^\d+(?:\.\d+)?(?::\d\d){1,2}$/.test(text.trim())) {
    throw problem('hh:mm:ss intervals work only on dedicated plans; write six fields');
  }
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) {
    throw problem(`it has ${fields.length} fields instead of six (second minute hour day month weekday)`);
  }
  for (const part of fields.flatMap((entry) => entry.split(','))) {
    if (!field.test(part)) throw problem(`"${part}" is none of * a a-b a/b`);
  }
  const weekday = fields.at(-1) ?? '*';
  if (weekday.split(',').some((part) => /^(?:\d+-)?7\b|^7/.test(part))) throw problem('weekdays are 0 (Sunday) to 6');

  let cron: Cron;
  try {
    cron = new Cron(fields.join(' '), { domAndDow: true, sloppyRanges: true, timezone: 'UTC', paused: true });
  } catch (error) {
    throw problem(errorMessage(error));
  }
  const nextAfter = (moment: Date): Date => {
    const next = cron.nextRun(moment);
    if (next === null) throw problem('it never fires');
    return next;
  };
  return { nextAfter, firesMoreThanOnceAMinute: hasShortGap(nextAfter) };
}

function hasShortGap(nextAfter: (moment: Date) => Date): boolean {
  let slot = nextAfter(new Date('2024-01-01T00:00:00Z'));
  for (let seen = 0; seen < 10; seen += 1) {
    const next = nextAfter(slot);
    if (next.getTime() - slot.getTime() < 60_000) return true;
    slot = next;
  }
  return false;
}
