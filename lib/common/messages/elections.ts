import { reason, stackOf } from './wording.js';

/** About leadership. */
export const electionMessages = {
  campaignInside: (name: string) =>
    `whileLeader() of the election "${name}" was called by work that holds the lock "${name}", and would wait for that ` +
    'work to end. Call it elsewhere, or give the election its own name.',
  termBegan: (name: string, fencingToken: number) =>
    `This replica leads "${name}" (fencing token ${fencingToken}).`,
  termEnded: (name: string, fencingToken: number, why: string) =>
    `This replica no longer leads "${name}" (fencing token ${fencingToken}): ${why}.`,
  steppedDown: (name: string) => `This replica has stepped down as leader of "${name}".`,
  termOver: (name: string) => `The application is shutting down and no longer leads "${name}".`,
  termFailed: (name: string, error: unknown, ms: number) =>
    `The work of the leader of "${name}" failed, and another replica may lead: ${reason(error)}. ` +
    `${standsAgain(ms)}${stackOf(error)}`,
  termReturned: (name: string, led: number, ms: number) =>
    `The work of the leader of "${name}" returned after ${led} ms, which ended the term. Return a promise that stays ` +
    `pending for as long as this replica is to lead. ${standsAgain(ms)}`,
  failedToEnd: (name: string, error: unknown) =>
    `The work of the leader of "${name}" failed while it was ending: ${reason(error)}.${stackOf(error)}`,
  leadershipLostFailed: (name: string, provider: string, error: unknown) =>
    `onLeadershipLost of ${provider} failed at the end of a term of "${name}": ${reason(error)}.${stackOf(error)}`,
  leadershipListenerThrew: (name: string, error: unknown) =>
    `A listener for the leadership of "${name}" threw: ${reason(error)}.`,
} as const;

function standsAgain(ms: number): string {
  return `This replica stands for election again after ${ms} ms. If this repeats, the pauses grow and nothing more is logged.`;
}
