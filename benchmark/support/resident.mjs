import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/**
 * Keeps the memory of a process in place, see README.md. Resolves when all of it is there, to what ends that: it says
 * whether it was kept until then. Where it cannot be, as without Linux, the reason is told.
 */
export async function keepResident(pid) {
  const worker = new Worker(new URL('page-toucher.mjs', import.meta.url), { workerData: { pid } });
  let kept = true;
  worker.on('error', (error) => {
    kept = false;
    console.error(`the memory of process ${pid} is not kept in place: ${error.message}`);
  });
  await once(worker, 'message').catch(() => {});
  return async () => {
    await worker.terminate();
    return kept;
  };
}
