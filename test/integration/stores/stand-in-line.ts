// Only until the specs of the Redis store import it from there.
export {
  queueUp,
  queueUp as standInLine,
  type QueuedWaiter,
} from '../../../lib/testing/store-contract/queue-up.js';
