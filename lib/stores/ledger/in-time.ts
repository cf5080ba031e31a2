import { performance } from 'node:perf_hooks';
// Imported, since the fake timers of a test replace the globals.
import process from 'node:process';
import { setImmediate } from 'node:timers';
import type { Deadline, Deadlines } from '../../common/deadlines.js';
import { messages } from '../../common/messages.js';

const nextTick = process.nextTick.bind(process);

/** Rejects when the time is over, even if the call does not keep to its time limit. */
export async function inTime<R>(
  deadlines: Deadlines,
  within: number,
  call: (within: number) => Promise<R>,
): Promise<R> {
  let deadline: Deadline | undefined;
  const timeUp = new Promise<never>((_, reject) => {
    // If the event loop was blocked, the reply may wait in the socket. It is read before an immediate runs.
    const passed = (): void => void setImmediate(reject, new Error(messages.noReply(within)));
    deadline = deadlines.add(performance.now() + within, passed);
  });
  try {
    return await Promise.race([call(within), timeUp]);
  } finally {
    if (deadline) deadlines.cancel(deadline);
  }
}

/** Makes one call of all requests that are made in the same turn of the event loop. */
export function together<Request, Reply>(
  call: (requests: readonly Request[], within: number) => Promise<readonly Reply[]>,
): (request: Request, within: number) => Promise<Reply> {
  let batch: { readonly requests: Request[]; readonly replies: Promise<readonly Reply[]> } | undefined;
  const begin = (within: number): NonNullable<typeof batch> => {
    const requests: Request[] = [];
    const replies = new Promise<void>((resolve) => nextTick(resolve)).then(() => {
      batch = undefined;
      return call(requests, within);
    });
    return { requests, replies };
  };
  return async (request, within) => {
    const { requests, replies } = (batch ??= begin(within));
    const at = requests.push(request) - 1;
    return (await replies)[at];
  };
}
