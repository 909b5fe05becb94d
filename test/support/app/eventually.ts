import { expect } from 'vitest';
import { LIMIT_MS } from './whole-app.ts';

/** Waits for a condition, never for a time. */
export const eventually = <T>(what: () => T | Promise<T>, limitMs = LIMIT_MS) =>
  expect.poll(what, { timeout: limitMs, interval: 25 });

/** Every mail of `sent` once, and nothing else. */
export const expectExactlyOnce = (received: string[], sent: string[]): void => {
  expect(received.toSorted()).toEqual(sent.toSorted());
};
