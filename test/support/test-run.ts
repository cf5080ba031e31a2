import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideFaketime } from './faketime.js';
import { killLeftovers } from './leftovers.js';
import { startSharedRedis, type SharedRedis } from './redis/shared-redis.js';

const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface TestRun {
  readonly folder: string;
  redis?: SharedRedis;
}

let run: TestRun | undefined;
let ending: Promise<void> | undefined;

/** Starts what all test files share, once, however many jest projects ask for it. */
export async function startTestRun(): Promise<void> {
  if (run) return;
  run = { folder: mkdtempSync(join(tmpdir(), 'exclusive-lock-test-')) };
  process.env.TEST_RUN_FOLDER = run.folder;
  for (const signal of INTERRUPTS) process.on(signal, interrupted);
  try {
    await provideFaketime();
    run.redis = await startSharedRedis();
  } catch (error) {
    await endTestRun();
    throw error;
  }
  process.env.TEST_REDIS_URL = run.redis.url;
}

/** Stops it, and whatever the tests have left running. */
export function endTestRun(): Promise<void> {
  return (ending ??= end().finally(() => (ending = undefined)));
}

async function end(): Promise<void> {
  if (!run) return;
  const { folder, redis } = run;
  try {
    await redis?.stop();
  } finally {
    killLeftovers(folder);
    rmSync(folder, { recursive: true, force: true });
    delete process.env.TEST_RUN_FOLDER;
    delete process.env.TEST_REDIS_URL;
    // Not before: signal-exit, which dependencies bring, ends a process that nobody else listens for.
    for (const signal of INTERRUPTS) process.off(signal, interrupted);
    run = undefined;
  }
}

function interrupted(signal: NodeJS.Signals): void {
  // Sent again once nobody listens, so that the run ends as interrupted runs do.
  void endTestRun().finally(() => process.kill(process.pid, signal));
}
