import { Redlock } from '@sesamecare-oss/redlock';
import { openIoredis } from '../support/redis-clients.mjs';
import { locksOf } from '../support/redlock-like.mjs';

export const title = '@sesamecare-oss/redlock 1.4.0';

export async function open(port) {
  const redis = await openIoredis(port);
  const once = new Redlock([redis], { retryCount: 0 });
  const waiting = new Redlock([redis], { retryCount: -1 });
  // As their README does: an error event without a listener would end the process.
  for (const redlock of [once, waiting]) redlock.on('error', () => {});
  return locksOf(once, waiting);
}
