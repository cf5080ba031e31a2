import { RedisServer } from '../../support/redis/redis-server.js';
import { closeEverything, openStore, wanted, WITHIN } from './support/redis-stores.js';

afterEach(closeEverything);

it('a key prefix with a hash tag lets no name collide with what is kept of another lock', async () => {
  const server = await RedisServer.start();
  const { store } = await openStore({ port: server.port, keyPrefix: '{app}:' });
  const names = ['mail', 'mail:fencingToken', 'mail:queue', 'mail:undone'];
  for (const name of names) {
    const mine = wanted(name);
    expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'granted' });
    await store.undo(wanted(name), WITHIN);
  }

  const listed: string[] = [];
  for await (const { name } of store.list('mail', WITHIN)) listed.push(name);
  expect(listed.toSorted()).toEqual(names.toSorted());
});
