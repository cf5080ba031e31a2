import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPage, readRecipes, RECIPES } from './support/recipes.js';

describe('docs/fencing.md', () => {
  it('marks every code block, with a name of its own', () => {
    const blocks = readPage().match(/^```\w+$/gm) ?? [];
    expect([...readRecipes().keys()]).toEqual(RECIPES);
    expect(blocks).toHaveLength(RECIPES.length);
  });

  it('has no code block that is not run', () => {
    const folder = import.meta.dirname;
    const specs = readdirSync(folder).filter((file) => file.endsWith('.spec.ts'));
    const tests = specs.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
    const unused = RECIPES.filter(
      (name) => !new RegExp(`recipe(Module)?(<[^(]*>)?\\('${name}'\\)`).test(tests),
    );
    expect(unused).toEqual([]);
  });
});
