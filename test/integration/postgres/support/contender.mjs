// A process that takes one lock over and over, on the built package, and tells each time that it had it.
// Env: URL, SCHEMA, FOR (milliseconds).
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { openLocks } from 'nestjs-exclusive-lock/locks';
import { postgresStore } from 'nestjs-exclusive-lock/postgres';

const tell = (event, details) => console.log(JSON.stringify({ event, ...details }));
const machineTime = () => Number(process.hrtime.bigint()) / 1e6;
process.on('unhandledRejection', (error) => tell('unhandled', { message: String(error) }));

const { URL: connectionString, SCHEMA: schema, FOR } = process.env;
const store = postgresStore({ connectionString, schema });
const locks = await openLocks({ store, prefix: 'test', ttl: 2000, logger: false });
const end = machineTime() + Number(FOR);
do {
  const work = async ({ fencingToken }) => {
    const from = machineTime();
    await setTimeout(1);
    return { fencingToken, from, until: machineTime() };
  };
  const outcome = await locks.run('contended', work, { wait: 10_000 });
  tell(outcome.status, outcome.value);
} while (machineTime() < end);
await locks.close();
tell('closed');
// Not run where nothing of ours keeps the process.
globalThis.setTimeout(() => tell('lingers', { resources: process.getActiveResourcesInfo() }), 1000).unref();
