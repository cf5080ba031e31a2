import { Redis } from 'ioredis';

/** An ioredis client as its README makes it. */
export async function openIoredis(port) {
  const client = new Redis(port, '127.0.0.1', { lazyConnect: true });
  await client.connect();
  return client;
}
