import { strict as assert } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds after which a case gives up waiting for what should happen. */
const PATIENCE = 20_000;

/** Fails unless these fields have these values; there may be others. */
export function assertFields(actual: unknown, fields: Readonly<Record<string, unknown>>): void {
  assert.ok(typeof actual === 'object' && actual !== null, `expected an object, got ${String(actual)}`);
  const found = Object.keys(fields).map((field) => [field, (actual as Record<string, unknown>)[field]]);
  assert.deepEqual({ ...actual, ...Object.fromEntries(found) }, { ...actual, ...fields });
}

/** Fails unless the number is one of `least` to `most`. */
export function assertBetween(actual: unknown, least: number, most: number): void {
  const isBetween = typeof actual === 'number' && actual >= least && actual <= most;
  assert.ok(isBetween, `expected a number from ${least} to ${most}, got ${String(actual)}`);
}

/** Tries until the check is true, in real time. */
export async function eventually(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!(await check())) {
    assert.ok(performance.now() < end, `expected within ${PATIENCE} ms: ${what}`);
    await sleep(10);
  }
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
