// docs/FAILURE-MODES.md as data.

/** Every id that there has to be. */
export const EVERY_ID: readonly string[] = [...numbered('F', 85), ...numbered('T', 33)];

/** Ids that may be declared not provable here, or not applicable. */
export const MOST_DECLARED = 10;

function numbered(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${letter}${String(index + 1).padStart(2, '0')}`);
}

export interface FailureModes {
  /** What goes wrong, by id. */
  modes: ReadonlyMap<string, string>;
  /** Why there need be no test, by id. */
  declared: ReadonlyMap<string, string>;
  /** What is wrong with the document itself. */
  faults: string[];
}

const DECLARED = /^## Declared$/m;
const ROW = /^\|\s*([FT]\d{2,})\s*\|(.*)\|\s*$/gm;

const rows = (text: string) =>
  [...text.matchAll(ROW)].map(([, id = '', rest = '']) => ({ id, cells: rest.split('|').map((cell) => cell.trim()) }));

/** Reads the tables of the document. Each row has the id and two cells, none of them empty. */
export function readFailureModes(text: string): FailureModes {
  const [tables = '', declarations = ''] = text.split(DECLARED);
  const faults: string[] = [];
  const collect = (part: string, where: string) => {
    const found = new Map<string, string>();
    for (const { id, cells } of rows(part)) {
      if (found.has(id)) faults.push(`${id} has two rows in ${where}`);
      if (!EVERY_ID.includes(id)) faults.push(`${id} in ${where} is no id that there is`);
      if (cells.length !== 2 || cells.includes('')) faults.push(`${id} in ${where} needs two cells beside its id`);
      found.set(id, cells[0] ?? '');
    }
    return found;
  };
  const modes = collect(tables, 'the tables');
  const declared = collect(declarations, 'Declared');
  const missing = EVERY_ID.filter((id) => !modes.has(id));
  if (missing.length > 0) faults.push(`no row for ${missing.join(', ')}`);
  if (declared.size > MOST_DECLARED) faults.push(`${declared.size} ids are declared, at most ${MOST_DECLARED} may be`);
  return { modes, declared, faults };
}
