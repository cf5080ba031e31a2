import { Client } from 'pg';
import { postgresUrl, startPostgresServer } from '../../support/servers/postgres-server.js';
import { ServerProcess } from '../../support/servers/server-process.js';

describe('a PostgreSQL of a test', () => {
  let server: ServerProcess;
  const clients: Client[] = [];

  beforeEach(async () => {
    server = await startPostgresServer();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) void client.end().catch(() => undefined);
    await ServerProcess.closeAll();
  });

  it('lets a client in, and has what was committed before it was killed', async () => {
    const first = await connected();
    await first.query('create table notes (text text)');
    await first.query(`insert into notes values ('kept')`);
    await server.kill();
    await expect(first.query('select 1')).rejects.toThrow();

    await server.restart();
    const second = await connected();
    expect((await second.query('select text from notes')).rows).toEqual([{ text: 'kept' }]);
  });

  it('answers nothing on open connections while it is paused', async () => {
    const client = await connected();
    await server.pause();
    let answers = 0;
    const answer = client.query('select 1').then(() => answers++);
    const silent = new Client({ connectionString: postgresUrl(server), connectionTimeoutMillis: 200 });
    silent.on('error', () => undefined);
    await expect(silent.connect()).rejects.toThrow(/timeout/);
    expect(answers).toBe(0);
    server.resume();
    await answer;
  });

  it('stops although a client is connected', async () => {
    const client = await connected();
    await server.stop();
    await expect(client.query('select 1')).rejects.toThrow();
  });

  async function connected(): Promise<Client> {
    const client = new Client({ connectionString: postgresUrl(server) });
    client.on('error', () => undefined);
    clients.push(client);
    await client.connect();
    return client;
  }
});
