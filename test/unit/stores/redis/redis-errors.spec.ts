import { surelyDidNothing } from '../../../../lib/stores/redis/redis-errors.js';

const FOLLOWED = 'Too many Cluster redirections. Last error: ';

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
