import type { Redis } from 'ioredis';

/** When a key expires, by the server's clock, in ms. Redis before version 7 and KeyDB know it less exactly. */
export async function expiryOf(client: Redis, key: string): Promise<number> {
  try {
    return await client.pexpiretime(key);
  } catch {
    const [[, now], [, left]] = (await client.multi().time().pttl(key).exec())!;
    const [seconds, micros] = (now as string[]).map(Number);
    return seconds * 1000 + Math.floor(micros / 1000) + Number(left);
  }
}
