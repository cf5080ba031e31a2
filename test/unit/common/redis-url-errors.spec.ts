import { inspect } from 'node:util';
import { LockConfigurationError } from '../../../lib/common/errors.js';
import { OutageLog } from '../../../lib/common/outage-log.js';
import { openStore } from '../../../lib/stores/open-store.js';
import { RecordingLogger } from '../core/support/recording-logger.js';

const PASSWORD = 's3cr3t';

describe.each(['redis', 'REDIS_URL'])('the error for an invalid URL in %s', (option) => {
  it.each([
    ['no protocol', `user:${PASSWORD}@cache:6379`],
    ['another protocol', `http://user:${PASSWORD}@cache:6379`],
    ['a port that is none', `redis://user:${PASSWORD}@cache:port`],
    ['a host with a space', `redis://user:${PASSWORD}@ca che:6379`],
    ['a database that is no number', `redis://user:${PASSWORD}@cache:6379/main`],
    ['a slash in the password', `redis://user:${PASSWORD}/${PASSWORD}@cache:6379/0`],
    ['a slash after a number in the password', `redis://user:42/${PASSWORD}@cache:6379/0`],
    ['a question mark after a number in the password', `redis://user:42?${PASSWORD}@cache:6379`],
    ['a hash after a number in the password', `redis://user:42#${PASSWORD}@cache:6379`],
    ['a slash at the end of a numeric password', `redis://user:42/@${PASSWORD}`],
  ])('never shows the password: %s', async (_, url) => {
    const error = await openWith(option, url);

    expect(error).toBeInstanceOf(LockConfigurationError);
    expect(error.message).toMatch(new RegExp(`^${option} is not a Redis URL: `));
    expect(inspect(error, { showHidden: true })).not.toContain(PASSWORD);
  });
});

async function openWith(option: string, url: string): Promise<Error> {
  const logger = new RecordingLogger();
  const choice = option === 'redis' ? { redis: url } : {};
  const env = option === 'redis' ? {} : { REDIS_URL: url };
  const context = { prefix: 'test', logger, outages: new OutageLog(logger), env };
  const store = await openStore(choice, context).catch((error: unknown) => error as Error);
  if (store instanceof Error) return store;
  await (store as { close(): Promise<void> }).close();
  throw new Error('It was taken for a good one');
}
