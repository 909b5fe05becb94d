/** One run of a scenario under a schedule: at each step one of the actors moves. */
export interface Schedule {
  /** Which of `count` actors moves now, from 0. */
  choose(count: number): number;
}

/**
 * Plays `scenario` once for every order in which its actors can move: each run repeats the choices of the one before up
 * to the last one that can still go another way. Returns how many orders there are.
 */
export async function everyOrder(
  scenario: (schedule: Schedule, name: string) => Promise<void>,
  limit = 100_000,
): Promise<number> {
  let plan: number[] = [];
  for (let runs = 1; ; runs++) {
    if (runs > limit) throw new Error(`more than ${limit} orders`);
    const taken: { choice: number; of: number }[] = [];
    const name = plan.join('');
    await scenario(
      {
        choose(of) {
          const choice = Math.min(plan[taken.length] ?? 0, of - 1);
          taken.push({ choice, of });
          return choice;
        },
      },
      name,
    );
    while (taken.length > 0 && (taken.at(-1)?.choice ?? 0) + 1 >= (taken.at(-1)?.of ?? 0)) taken.pop();
    const last = taken.pop();
    if (!last) return runs;
    plan = [...taken.map(({ choice }) => choice), last.choice + 1];
  }
}
