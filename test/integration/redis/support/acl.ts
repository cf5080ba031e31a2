/** What an ACL user must be allowed for locks under the prefix `locks`; the README has it for `exclusive-lock`. */
export const MINIMAL_ACL = [
  '~locks:*',
  '~{locks:*',
  '+info',
  '+evalsha',
  '+eval',
  '+time',
  '+get',
  '+set',
  '+del',
  '+exists',
  '+pttl',
  '+pexpire',
  '+hget',
  '+hset',
  '+hdel',
  '+hgetall',
];

/** And in a cluster besides. */
export const MINIMAL_ACL_OF_CLUSTER = ['+cluster|slots', '+cluster|info', '+asking'];
