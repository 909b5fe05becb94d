import { readFileSync } from 'node:fs';
import * as z from 'zod';

const captured = z.object({ status: z.number(), headers: z.record(z.string(), z.string()), body: z.unknown() });

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../fixtures/payloads/${name}.json`, import.meta.url), 'utf8'));

/** The body of a POST as Graph sends it. */
export const postedPayload = (name: string) =>
  z.looseObject({ value: z.array(z.record(z.string(), z.unknown())) }).parse(read(name));

/** An answer of Graph: status, headers, body. */
export const answeredPayload = (name: string) => captured.parse(read(name));
