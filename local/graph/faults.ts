/** Faults as data: rules that say which requests go wrong, how, and how often. */
import * as z from 'zod';
import { requestKinds } from './counters.ts';
import { GraphFailure } from './graph-failure.ts';
import type { Random } from './random.ts';

export const faultRule = z.strictObject({
  /** Which requests; what is left out matches everything. */
  kind: z.union([z.enum(requestKinds), z.array(z.enum(requestKinds))]).optional(),
  method: z.string().optional(),
  /** Regular expression over the path below the version (or the whole path outside Graph). */
  path: z.string().optional(),
  /** Share of the matching requests that it strikes, and how many at most. */
  share: z.number().min(0).max(1).optional(),
  count: z.number().int().min(1).optional(),
  /** How many matching requests to let pass first. */
  skip: z.number().int().min(0).optional(),
  /** What happens: a refusal … */
  status: z.number().int().min(400).max(599).optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  /** … with the header `Retry-After` … */
  retryAfter: z.union([z.number(), z.string()]).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  /** … a wait before the answer, alone or with the others … */
  delayMs: z.number().min(0).optional(),
  /** … only so many bytes of the body, then the connection ends … */
  truncateBody: z.number().int().min(0).optional(),
  /** … an HTML page with status 200 (or `status`) instead of JSON … */
  html: z.boolean().optional(),
  /** … a connection reset … */
  reset: z.boolean().optional(),
  /** … or a claims challenge of Continuous Access Evaluation (401). */
  claimsChallenge: z.boolean().optional(),
  /** `after`: the work is done and only the answer is lost. Default `before`. */
  when: z.enum(['before', 'after']).optional(),
});

export type FaultRule = z.infer<typeof faultRule>;
export type FaultQuestion = { kind: string; method: string; path: string };

type ArmedFault = { id: string; rule: FaultRule; pattern: RegExp | null; left: number; toSkip: number; struck: number };

export class Faults {
  readonly #random: Random;
  readonly #armed: ArmedFault[] = [];
  #added = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Adds a rule and answers its id. */
  add(rule: FaultRule): string {
    this.#added += 1;
    const id = `fault-${this.#added}`;
    const pattern = rule.path === undefined ? null : new RegExp(rule.path, 'i');
    this.#armed.push({
      id,
      rule,
      pattern,
      left: rule.count ?? Number.POSITIVE_INFINITY,
      toSkip: rule.skip ?? 0,
      struck: 0,
    });
    return id;
  }

  /** All rules with how often each has struck. */
  list(): { id: string; rule: FaultRule; struck: number }[] {
    return this.#armed.map(({ id, rule, struck }) => ({ id, rule, struck }));
  }

  remove(id: string): boolean {
    const index = this.#armed.findIndex((armed) => armed.id === id);
    if (index >= 0) this.#armed.splice(index, 1);
    return index >= 0;
  }

  clear(): void {
    this.#armed.length = 0;
  }

  /** The first rule that strikes this request; its count goes down. */
  strike(question: FaultQuestion): FaultRule | undefined {
    for (const armed of this.#armed) {
      if (armed.left <= 0 || !isMeant(armed, question)) continue;
      if (armed.toSkip > 0) {
        armed.toSkip -= 1;
        continue;
      }
      if (armed.rule.share !== undefined && this.#random() >= armed.rule.share) continue;
      armed.left -= 1;
      armed.struck += 1;
      return armed.rule;
    }
    return undefined;
  }
}

function isMeant({ rule, pattern }: ArmedFault, question: FaultQuestion): boolean {
  const kinds = rule.kind === undefined ? null : [rule.kind].flat().map(String);
  if (kinds !== null && !kinds.includes(question.kind)) return false;
  if (rule.method !== undefined && rule.method.toUpperCase() !== question.method) return false;
  return pattern === null || pattern.test(question.path);
}

const codes: Record<number, string> = {
  400: 'BadRequest',
  401: 'InvalidAuthenticationToken',
  403: 'ErrorAccessDenied',
  404: 'ErrorItemNotFound',
  409: 'Conflict',
  410: 'SyncStateNotFound',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  502: 'BadGateway',
  503: 'ServiceUnavailable',
  504: 'GatewayTimeout',
};

/** The refusal that a rule asks for. */
export function faultFailure(rule: FaultRule): GraphFailure | undefined {
  if (rule.status === undefined || rule.html === true) return undefined;
  const headers: Record<string, string> = { ...rule.headers };
  if (rule.retryAfter !== undefined) headers['Retry-After'] = String(rule.retryAfter);
  const code = rule.code ?? codes[rule.status] ?? 'UnknownError';
  return new GraphFailure(rule.status, code, rule.message ?? 'Refused by a fault rule of the emulator.', { headers });
}
