import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mutated } from '../mutants/mutated.mjs';
import { MUTANTS, type Mutant } from '../mutants/mutants.mjs';
import { TypeChecker } from '../support/type-checker.js';

const ROOT = join(import.meta.dirname, '../..');

const afterwards = (mutant: Mutant): string => mutated(readFileSync(join(ROOT, mutant.file), 'utf8'), mutant);

/** `npm run test:mutants` takes long and is run now and then; that each still breaks something is seen at once. */
describe('a mutant', () => {
  it.each(MUTANTS)('breaks one place of the code: $name', (mutant) => {
    expect(() => afterwards(mutant)).not.toThrow();
  });

  describe('of TypeScript', () => {
    const mutants = MUTANTS.filter(({ file }) => file.endsWith('.ts'));
    let types: TypeChecker;

    beforeAll(() => {
      types = new TypeChecker(join(ROOT, 'tsconfig.build.json'), {
        noUnusedLocals: false,
        noUnusedParameters: false,
      });
    });

    it('is told from code that does not type-check, in its own file or in one that uses it', () => {
      const clock = readFileSync(join(ROOT, 'lib/common/clock.ts'), 'utf8');
      expect(types.problems()).toEqual([]);
      expect(
        types.problems({ file: 'lib/common/clock.ts', text: `${clock}\nexport const one: string = 1;` }),
      ).toEqual([`lib/common/clock.ts: Type 'number' is not assignable to type 'string'.`]);
      expect(types.problems({ file: 'lib/common/bag.ts', text: 'export {};' }).length).toBeGreaterThan(1);
    });

    it.each(mutants)('type-checks, for one that does not build proves nothing: $name', (mutant) => {
      expect(types.problems({ file: mutant.file, text: afterwards(mutant) })).toEqual([]);
    });
  });
});
