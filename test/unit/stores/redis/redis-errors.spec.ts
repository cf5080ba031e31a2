import { surelyDidNothing } from '../../../../lib/stores/redis/redis-errors.js';

const FOLLOWED = 'Too many Cluster redirections. Last error: ';

/** As Redis 6.2 and KeyDB say it. Redis 7 tells the refusal alone. */
const inScript = (error: string) => `ERR Error running script (call to f_6b1bf4): @user_script:54: ${error}`;

describe('a write that is refused within a script', () => {
  it.each([
    "-OOM command not allowed when used memory > 'maxmemory'.",
    '-MISCONF Redis is configured to save',
  ])('did nothing on Redis 6.2 and KeyDB as well: %s', (refusal) =>
    expect(surelyDidNothing(new Error(inScript(refusal)))).toBe(true),
  );

  it.each(['user_script:54: attempt to index a nil value', '-WRONGTYPE Operation against a key: -OOM'])(
    'is told from another error: %s',
    (error) => expect(surelyDidNothing(new Error(inScript(error)))).toBe(false),
  );
});

describe('a command that a cluster has sent on too often', () => {
  it.each([
    'ReplyError: MOVED 866 127.0.0.1:7001',
    "Error: Cluster isn't ready and enableOfflineQueue options is false",
  ])('did nothing if its last attempt did nothing: %s', (last) =>
    expect(surelyDidNothing(new Error(FOLLOWED + last))).toBe(true),
  );

  it.each(['Error: Connection is closed.', 'Error: no reply within 2000 ms'])(
    'may have run if its last attempt may have: %s',
    (last) => expect(surelyDidNothing(new Error(FOLLOWED + last))).toBe(false),
  );
});
