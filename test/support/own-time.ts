import { readFileSync } from 'node:fs';

const file = '/proc/self/schedstat';

/**
 * Milliseconds on a clock that stands still while this process would run and gets no CPU. What is measured with it is as short
 * on a busy machine as on an idle one, unless it waits for another process. Elsewhere than on Linux it never stands still.
 */
export function ownTime(): number {
  return performance.now() - waitedForCpu();
}

/** See "schedstat" in Documentation/scheduler of the kernel: nanoseconds on a CPU, nanoseconds in the queue for one, time slices. */
const waitedForCpu =
  process.platform === 'linux'
    ? (): number => Number(readFileSync(file, 'latin1').split(' ')[1]) / 1e6
    : (): number => 0;
