// When the user, or whoever started us, wants us to stop.
import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 100;
/** One Ctrl-C can arrive twice: from the terminal and from npm. */
const SAME_KEY_PRESS_MS = 500;

/** Parent and grandparent by process id; the grandparent only where the system shows it (Linux). */
function ancestors(): string {
  const parent = process.ppid;
  let grandparent = '';
  try {
    // The name in brackets may contain anything, so the fields are counted from its end.
    grandparent =
      readFileSync(`/proc/${parent}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1] ?? '';
  } catch {
    // Not Linux, or the parent is gone: its own id tells.
  }
  return `${parent} ${grandparent}`;
}

/**
 * Calls `stop` once, with the reason, at Ctrl-C, SIGTERM or a closed terminal. A second one a while later ends
 * the process at once.
 *
 * Under npm it also watches for npm's death: npm passes SIGTERM to the shell that it runs the script in, and that shell
 * dies without telling us. Nobody could stop us by the id they know, and the ports would stay taken.
 */
export function onStopRequested(stop: (reason: string) => void): void {
  let askedAt: number | undefined;
  let watch: NodeJS.Timeout | undefined;
  const ask = (reason: string): void => {
    if (askedAt !== undefined) return;
    askedAt = performance.now();
    clearInterval(watch);
    stop(reason);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const isImpatient = askedAt !== undefined && performance.now() - askedAt > SAME_KEY_PRESS_MS;
      if (isImpatient) process.exit(130);
      ask(signal);
    });
  }
  if (process.env['npm_lifecycle_event'] !== undefined) {
    const first = ancestors();
    watch = setInterval(() => {
      if (ancestors() !== first) ask('npm ended');
    }, LOOK_EVERY_MS);
    watch.unref();
  }
}
