/** Request bodies, parsed once at the edge. */
import type * as z from 'zod';
import { badRequest } from './graph-failure.ts';

/** Parses a JSON body by a schema; the refusal names the first fault. */
export function readJson<T>(body: Buffer, schema: z.ZodType<T>, what: string): T {
  const result = schema.safeParse(parseJson(body, what));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw badRequest(
    `The ${what} is not valid at '${issue?.path.join('.') ?? ''}': ${issue?.message ?? 'unknown fault'}.`,
  );
}

export function parseJson(body: Buffer, what: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw badRequest(
      `Unable to read JSON request payload: the ${what} is not JSON. Send Content-Type application/json.`,
    );
  }
}
