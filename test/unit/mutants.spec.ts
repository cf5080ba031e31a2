import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MUTANTS } from '../mutants/mutants.mjs';

const ROOT = join(import.meta.dirname, '../..');

/** `npm run test:mutants` takes long and is run now and then; that each still says what to break is seen at once. */
describe('a mutant', () => {
  it.each(MUTANTS)('breaks one place of the code: $name', ({ file, find, also = [] }) => {
    const source = readFileSync(join(ROOT, file), 'utf8');

    for (const place of [find, ...also.map((other) => other.find)])
      expect(source.split(place)).toHaveLength(2);
  });
});
