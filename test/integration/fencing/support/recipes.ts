import { transform } from '@swc/core';
import { readFileSync } from 'node:fs';

/** The code blocks of docs/fencing.md, by the name in the comment before each: `<!-- test: name -->`. */
export const RECIPES = [
  'sql-column',
  'sql-update',
  'sql-update-once',
  'sql-claim',
  'sql-guard-table',
  'sql-guard',
  'redis-write',
] as const;
export type Recipe = (typeof RECIPES)[number];

const PAGE = 'docs/fencing.md';
const MARKED_BLOCK = /<!-- test: ([\w-]+) -->\s*```\w+\n([^]*?)\n```/g;

/** The page as its readers get it. */
export function readPage(): string {
  return readFileSync(PAGE, 'utf8');
}

/** All marked blocks of the page. */
export function readRecipes(): Map<string, string> {
  return new Map([...readPage().matchAll(MARKED_BLOCK)].map(([, name = '', code = '']) => [name, code]));
}

/** The code of one block, as it stands on the page. */
export function recipe(name: Recipe): string {
  const code = readRecipes().get(name);
  if (code === undefined) throw new Error(`${PAGE} has no block marked <!-- test: ${name} -->`);
  return code;
}

/** What a block of TypeScript exports. */
export async function recipeModule<Exports>(name: Recipe): Promise<Exports> {
  const { code } = await transform(recipe(name), {
    swcrc: false,
    module: { type: 'es6' },
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  });
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as Exports;
}
