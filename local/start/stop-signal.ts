// When the user, or whoever started us, wants us to stop.
import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 100;

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
 * Calls `stop` once, with the reason, at Ctrl-C, SIGTERM or a closed terminal. A second signal ends the process at once.
 *
 * Under npm it also watches for npm's death: npm passes SIGTERM to the shell that it runs the script in, and that shell
 * dies without telling us. Nobody could stop us by the id they know, and the ports would stay taken.
 */
export function onStopRequested(stop: (reason: string) => void): void {
  let asked = false;
  let watch: NodeJS.Timeout | undefined;
  const ask = (reason: string): void => {
    if (asked) return;
    asked = true;
    clearInterval(watch);
    stop(reason);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Ctrl-C can arrive twice at once: from the terminal and from npm.
      if (asked && signal === 'SIGINT' && performance.now() - askedAt > 500) process.exit(130);
      if (!asked) askedAt = performance.now();
      ask(signal);
    });
  }
  let askedAt = 0;
  if (process.env['npm_lifecycle_event'] !== undefined) {
    const first = ancestors();
    watch = setInterval(() => {
      if (ancestors() !== first) ask('npm ended');
    }, LOOK_EVERY_MS);
    watch.unref();
  }
}
