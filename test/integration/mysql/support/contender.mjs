// A process that takes one lock so many times, on the built package, and tells each time that it had it.
// Env: URL, TIMES.
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { openLocks } from 'nestjs-exclusive-lock/locks';
import { mysqlStore } from 'nestjs-exclusive-lock/mysql';

const tell = (event, details) => console.log(JSON.stringify({ event, ...details }));
const machineTime = () => Number(process.hrtime.bigint()) / 1e6;
process.on('unhandledRejection', (error) => tell('unhandled', { message: String(error) }));

const { URL: uri, TIMES } = process.env;
const locks = await openLocks({ store: mysqlStore({ uri }), prefix: 'test', ttl: 2000, logger: false });
for (let had = 0; had < Number(TIMES); had++) {
  const work = async ({ fencingToken }) => {
    const from = machineTime();
    await setTimeout(1);
    return { fencingToken, from, until: machineTime() };
  };
  const outcome = await locks.run('contended', work, { wait: 60_000 });
  tell(outcome.status, outcome.value);
}
await locks.close();
tell('closed');
// Not run where nothing of ours keeps the process.
globalThis.setTimeout(() => tell('lingers', { resources: process.getActiveResourcesInfo() }), 1000).unref();
