import { Worker } from 'node:worker_threads';

/**
 * Keeps the memory of a process in place, until the function is called that this returns. The host of a virtual machine
 * may take back pages that rest, and whoever wakes up then pays microseconds for each: the CPU time is that of the host,
 * and an empty timer takes ten milliseconds. Where it cannot be done, as without Linux, it says so.
 */
export function keepResident(pid) {
  const worker = new Worker(new URL('page-toucher.mjs', import.meta.url), { workerData: { pid } });
  worker.on('error', (error) => console.warn(`memory of ${pid} is not kept in place: ${error.message}`));
  return () => worker.terminate();
}
