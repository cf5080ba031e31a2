import type { StorePlace } from 'nestjs-exclusive-lock';
import { postgresStore } from 'nestjs-exclusive-lock/postgres';

/** Where the locks of a sample live: `STORE` says it, else `REDIS_URL`, else this machine. */
interface Where {
  readonly place: StorePlace;
  readonly description: string;
}

const { STORE, REDIS_URL, POSTGRES_URL: connectionString } = process.env;

const STORES: Readonly<Record<string, () => Where>> = {
  // Without REDIS_URL, forRoot() uses the local store by default, but logs a warning. Naming the store avoids that.
  local: () => ({ place: { store: 'local' }, description: 'the local store of this machine' }),
  redis: () => ({ place: { redis: REDIS_URL ?? 'redis://localhost' }, description: 'Redis (REDIS_URL)' }),
  postgres: () => ({
    place: { store: postgresStore(connectionString ? { connectionString } : { host: 'localhost' }) },
    description: 'PostgreSQL (POSTGRES_URL)',
  }),
};

const chosen = STORES[STORE ?? (REDIS_URL ? 'redis' : 'local')];
if (!chosen) throw new Error(`STORE=${STORE}: there are ${Object.keys(STORES).join(', ')}.`);

export const where = chosen();
