// A script without Nest, on the built package, that does one task, closes its locks and has nothing left to do.
//   node script.mjs work|wait|endless
// Env: OPTIONS (JSON, of openLocks).
import { openLocks } from 'nestjs-exclusive-lock/locks';

const tell = (event, details) => console.log(JSON.stringify({ event, ...details }));
process.on('warning', ({ message }) => tell('warning', { message }));
process.on('unhandledRejection', (error) => tell('unhandled', { message: String(error) }));

const TASKS = {
  work: () => Array.from({ length: 20 }, (_, i) => locks.run(`job-${i}`, () => i)),
  wait: () => [locks.run('job', () => 1, { wait: true })],
  endless: () => [locks.run('job', untilAborted)],
};

async function untilAborted({ signal }) {
  const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
  // Work keeps a process alive, as long as it works.
  const working = setInterval(() => undefined, 1000);
  tell('working');
  await aborted;
  clearInterval(working);
}

const locks = await openLocks(JSON.parse(process.env.OPTIONS));
process.once('SIGTERM', () => void locks.close());
tell('opened');
const outcomes = await Promise.all(TASKS[process.argv[2]]());
await locks.close();
tell('closed', { statuses: [...new Set(outcomes.map(({ status }) => status))] });
// Not run where nothing of ours keeps the process.
setTimeout(() => tell('lingers', { resources: process.getActiveResourcesInfo() }), 1000).unref();
