// Only until the specs of the Redis store import it from there.
import type { AcquireReply } from '../../../../lib/stores/lock-store.js';

export * from '../../../../lib/testing/store-contract/subject.js';

export function fenceOf(reply: AcquireReply): number {
  if (reply.status !== 'granted') throw new Error(`Expected a grant, got ${JSON.stringify(reply)}`);
  return reply.fencingToken;
}
