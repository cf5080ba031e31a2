/** What an ACL user must be allowed for locks under the prefix `locks`; the README has it for `exclusive-lock`. */
export const MINIMAL_ACL = [
  '~locks:*',
  '~{locks:*',
  '+info',
  '+client|setname',
  '+ping',
  '+evalsha',
  '+eval',
  '+time',
  '+get',
  '+set',
  '+del',
  '+exists',
  '+mget',
  '+pttl',
  '+pexpire',
  '+zcard',
];

/** And besides for those who wait to be told, rather than ask ten times a second. */
export const ACL_TO_WAIT = [
  '&locks:*',
  '+subscribe',
  '+publish',
  '+pubsub|numsub',
  '+zadd',
  '+zrem',
  '+zpopmin',
  '+zrange',
];

/** And to read what was run, and by which replicas. */
export const ACL_TO_READ_RUNS = ['+hset', '+hgetall', '+hdel'];

/** And to list locks. */
export const ACL_TO_LIST = ['+scan'];

/** And in a cluster besides. */
export const MINIMAL_ACL_OF_CLUSTER = ['+cluster|slots', '+cluster|info', '+asking'];

/** And in a cluster of those who wait. */
export const ACL_TO_WAIT_IN_CLUSTER = [
  ...ACL_TO_WAIT,
  '&{locks:*',
  '+ssubscribe',
  '+sunsubscribe',
  '+spublish',
  '+pubsub|shardnumsub',
];
