import type { LockEvent } from '../core/lock-events.js';
import type { Outcome } from '../core/outcome.js';
import type { Locks } from '../locks/locks.js';
import type { BoardActed } from './board-json.js';

/**
 * Runs a job by hand, and resolves when it has begun, since it may take hours; or when it has ended, if that comes first.
 *
 * @param failed gets the error of a run that fails after it has begun
 * @throws what `jobs.run()` throws before the job has begun
 */
export async function startByHand(
  locks: Pick<Locks, 'jobs' | 'onEvent'>,
  job: { readonly name: string; readonly job: string },
  failed: (error: unknown) => void,
): Promise<BoardActed> {
  let stop!: () => void;
  let hasStarted = false;
  const started = new Promise<BoardActed>((resolve) => {
    stop = locks.onEvent((event) => {
      if (!isStartOf(event, job)) return;
      hasStarted = true;
      resolve({ status: 'started' });
    });
  });
  const ended = locks.jobs.run(job).then(told);
  // Nobody awaits the run any more once it has begun.
  ended.catch((error: unknown) => hasStarted && failed(error));
  try {
    return await Promise.race([started, ended]);
  } finally {
    stop();
  }
}

function isStartOf(
  event: LockEvent,
  { name, job }: { readonly name: string; readonly job: string },
): boolean {
  return event.type === 'started' && event.byHand && event.name === name && event.job === job;
}

function told(outcome: Outcome<unknown>): BoardActed {
  if (outcome.status !== 'skipped') return { status: outcome.status };
  const holder = outcome.reason === 'busy' ? outcome.holder.replica : undefined;
  return { status: 'skipped', reason: outcome.reason, holder };
}
