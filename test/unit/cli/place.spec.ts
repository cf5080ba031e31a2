import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placeOf } from '../../../lib/cli/place.js';
import { UsageError } from '../../../lib/cli/usage-error.js';

const REDIS_URL = 'redis://by-environment:6379';
let folder: string;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'exclusive-lock-cli-'))));
afterEach(() => rmSync(folder, { recursive: true }));

describe('where the locks are', () => {
  it('is what the options say, whatever else there is', async () => {
    writeFileSync(join(folder, 'exclusive-lock.config.json'), '{ "redis": "redis://by-file" }');

    expect(await placeOf({ redis: 'redis://a' }, { REDIS_URL }, folder)).toEqual({ redis: 'redis://a' });
    expect(await placeOf({ local: true, prefix: 'shop' }, { REDIS_URL }, folder)).toEqual({
      store: 'local',
      prefix: 'shop',
    });
    expect(await placeOf({ folder: '/srv/locks' }, {}, folder)).toEqual({
      store: 'local',
      folder: '/srv/locks',
    });
  });

  it('is what the file in the working folder says, before the environment', async () => {
    writeFileSync(
      join(folder, 'exclusive-lock.config.mjs'),
      "export default { redis: 'redis://by-file', prefix: 'a' };",
    );

    expect(await placeOf({ prefix: 'b' }, { REDIS_URL }, folder)).toEqual({
      redis: 'redis://by-file',
      prefix: 'b',
    });
  });

  it('is what the file says that is named', async () => {
    writeFileSync(join(folder, 'mine.json'), '{ "store": "local" }');

    expect(await placeOf({ config: 'mine.json' }, { REDIS_URL }, folder)).toEqual({ store: 'local' });
  });

  it('is REDIS_URL if nothing else is said', async () => {
    expect(await placeOf({}, { REDIS_URL }, folder)).toEqual({ redis: REDIS_URL });
  });

  it.each([
    ['nothing says where', {}, '--redis <url>'],
    ['two options say where', { redis: 'redis://a', local: true }, 'Give one of --redis and --local'],
    ['there is no such file', { config: 'other.mjs' }, 'There is no file other.mjs'],
  ])('is asked for if %s', async (_when, options, told) => {
    await expect(placeOf(options, {}, folder)).rejects.toThrow(UsageError);
    await expect(placeOf(options, {}, folder)).rejects.toThrow(told);
  });

  it('is asked for if the file exports no options', async () => {
    writeFileSync(join(folder, 'exclusive-lock.config.mjs'), 'export const redis = 1;');

    await expect(placeOf({}, {}, folder)).rejects.toThrow('must export the options of openLocks()');
  });
});
