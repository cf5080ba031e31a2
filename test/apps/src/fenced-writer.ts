// Writes in transactions that assert a lease, and stops in the middle of them when told to.
// Env: DATABASE (a URL), SCHEMA, TTL. Commands are JSON lines on stdin:
// {"do":"write","name":"a","pauseWhen":"asserted"}: tells `paused`, and goes on after {"do":"goOn"}.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLocks, type Lease } from 'nestjs-exclusive-lock/locks';
import { assertHeldIn, postgresStore } from 'nestjs-exclusive-lock/postgres';
import { Client } from 'pg';
import { tell } from './tell.js';

type Moment = 'begun' | 'asserted' | 'written';

const { DATABASE, SCHEMA, TTL } = process.env;
const place = { schema: SCHEMA, prefix: 'fenced' };
const store = postgresStore({ connectionString: DATABASE, schema: SCHEMA });
const locks = await openLocks({
  store,
  prefix: place.prefix,
  ttl: Number(TTL),
  drainTimeout: 0,
  logger: false,
});

process.on('unhandledRejection', (error) => tell('unhandled', { error: String(error) }));
const released = new EventTarget();
const goOn = new Promise((resolve) => released.addEventListener('goOn', resolve));

async function write(name: string, pauseWhen?: Moment): Promise<void> {
  const lease = await acquired(name);
  const { fencingToken } = lease;
  const client = new Client(DATABASE);
  try {
    await client.connect();
    const reached = async (moment: Moment): Promise<void> => {
      if (moment !== pauseWhen) return;
      tell('paused', { name });
      await goOn;
    };
    await client.query('BEGIN');
    await reached('begun');
    await assertHeldIn(client, lease, place);
    await reached('asserted');
    await client.query(`INSERT INTO ${SCHEMA}.writes VALUES ($1, $2)`, [name, fencingToken]);
    await reached('written');
    await client.query('COMMIT');
    tell('committed', { name, fencingToken });
  } catch (error) {
    tell('refused', { name, fencingToken, message: String(error) });
  }
  await client.end().catch(() => undefined);
  await lease.release();
}

async function acquired(name: string): Promise<Lease> {
  for (;;) {
    const lease = await locks.acquire(name).catch(() => null);
    if (lease) return lease;
    await sleep(20);
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { do: what, name, pauseWhen } = JSON.parse(line) as { do: string; name: string; pauseWhen?: Moment };
  if (what === 'goOn') released.dispatchEvent(new Event('goOn'));
  else void write(name, pauseWhen);
});
tell('ready');
