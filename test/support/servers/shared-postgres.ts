import { postgresUrl, startPostgresServer } from './postgres-server.js';

/** The one server that all test files share; each keeps to a schema of its own. */
export interface SharedPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

/** The one that POSTGRES_URL names, else one of this machine. */
export async function startSharedPostgres(): Promise<SharedPostgres> {
  const told = process.env.POSTGRES_URL;
  if (told) return { url: told, stop: async () => undefined };
  const server = await startPostgresServer();
  return { url: postgresUrl(server), stop: () => server.close() };
}
