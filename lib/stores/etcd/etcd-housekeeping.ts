import { setTimeout } from 'node:timers';
import { runOutside } from '../../common/outside.js';
import type { EtcdClient } from './etcd-client.js';
import {
  after,
  holdKey,
  isAt,
  keyOfRow,
  remove,
  rowIn,
  rowsRange,
  stepIf,
  type KeyValue,
  type RangeReply,
} from './etcd-format.js';

const HOUR = 60 * 60 * 1000;
const PAGE = 100;
const CALL_TIMEOUT = 10_000;

/** Removes the rows that hold nothing any more, about once an hour. Returns a function that ends this. */
export function removeUnneeded(client: EtcdClient, now: () => number): () => void {
  let timer: NodeJS.Timeout;
  let isOver = false;
  const clean = async (): Promise<void> => {
    // Nothing depends on it, and the next call of the application reports the same error.
    await removeOnce(client, now).catch(() => {});
    if (!isOver) plan();
  };
  // At random, since replicas that have started together would all clean at once.
  const plan = (): void => {
    timer = runOutside(() => setTimeout(() => void clean(), HOUR * (0.5 + Math.random())).unref());
  };
  plan();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/** Removes each row whose time is over and whose lock nobody holds. */
export async function removeOnce(client: EtcdClient, now: () => number): Promise<void> {
  const range = rowsRange('');
  for (let key = range.key; ;) {
    const page = { ...range, key, limit: PAGE };
    const { kvs = [] } = await client.call<RangeReply>('kv/range', page, CALL_TIMEOUT);
    const unneeded = kvs.filter((kv) => rowIn(kv).keepUntil < now());
    if (unneeded.length > 0) await client.call('kv/txn', { success: unneeded.map(removal) }, CALL_TIMEOUT);
    const last = kvs.at(-1);
    if (!last || kvs.length < PAGE) return;
    key = after(last.key);
  }
}

/** Not if somebody has written the row since, or holds the lock. */
function removal({ key, mod_revision }: KeyValue): object {
  return stepIf([isAt(key, mod_revision), isAt(holdKey(keyOfRow(key)), '0')], [remove(key)]);
}
