import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import * as constants from '../../../lib/stores/lock-store.js';
import { assembled } from '../../../tools/assembled-scripts.mjs';
import { mutated } from '../../mutants/mutated.mjs';
import { MUTANTS, type Mutant } from '../../mutants/mutants.mjs';
import { testRedisUrl } from '../../support/redis/test-redis.js';

const ROOT = join(import.meta.dirname, '../../..');
const FOLDER = 'lib/stores/redis/scripts';

describe('a mutant of Lua', () => {
  const mutants = MUTANTS.filter(({ file }) => file.endsWith('.lua'));
  let redis: Redis;

  beforeAll(() => {
    redis = new Redis(testRedisUrl());
  });

  afterAll(() => redis.disconnect());

  it('is distinguished from Lua that does not compile', async () => {
    await expect(redis.script('LOAD', 'if then')).rejects.toThrow('Error compiling script');
  });

  it.each(mutants)('compiles, since a failure to compile proves nothing: $name', async (mutant) => {
    const changed = scriptsAfter(mutant).filter(([, lua], i) => lua !== SCRIPTS[i]?.[1]);
    expect(changed).not.toEqual([]);
    for (const [, lua] of changed) await redis.script('LOAD', lua);
  });
});

const files = readdirSync(join(ROOT, FOLDER)).map(
  (file) => [file, readFileSync(join(ROOT, FOLDER, file), 'utf8')] as const,
);
const SCRIPTS = assembled(files, constants);

function scriptsAfter(mutant: Mutant): [name: string, lua: string][] {
  const changed = files.map(
    ([file, lua]) => [file, mutant.file === `${FOLDER}/${file}` ? mutated(lua, mutant) : lua] as const,
  );
  return assembled(changed, constants);
}
