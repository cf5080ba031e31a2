import * as pglite from '@electric-sql/pglite';
import { transform } from '@swc/core';
import { readFileSync } from 'node:fs';
import * as library from '../../../../lib/index.js';
import * as testing from '../../../../lib/testing/index.js';

/** The code blocks of docs/stores.md, by the name in the comment before each: `<!-- test: name -->`. */
export const BLOCKS = ['postgres', 'postgres-queue', 'open', 'jest', 'vitest', 'node'] as const;
export type Block = (typeof BLOCKS)[number];

const PAGE = 'docs/stores.md';
const MARKED_BLOCK = /<!-- test: ([\w-]+) -->\s*```ts\n([^]*?)\n```/g;

const PACKAGES: Readonly<Record<string, unknown>> = {
  '@electric-sql/pglite': pglite,
  'nestjs-exclusive-lock': library,
  'nestjs-exclusive-lock/testing': testing,
};

/** The blocks as they stand on the page. */
export function readBlocks(): Map<string, string> {
  const page = readFileSync(PAGE, 'utf8');
  return new Map([...page.matchAll(MARKED_BLOCK)].map(([, name = '', code = '']) => [name, code]));
}

/** Those that are compiled only. */
export function unmarkedBlocks(): string[] {
  const page = readFileSync(PAGE, 'utf8');
  return [...page.matchAll(/(?<! -->\s*)```ts\n([^]*?)\n```/g)].map(([, code = '']) => code);
}

/** Runs a block, with these modules beside the packages, and returns what it exports. */
export async function runBlock<Exports>(
  name: Block,
  modules: Readonly<Record<string, unknown>> = {},
): Promise<Exports> {
  const { code } = await transform(readBlocks().get(name)!, {
    swcrc: false,
    module: { type: 'commonjs' },
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  });
  const exports = {} as Exports;
  // oxlint-disable-next-line no-implied-eval, no-new-func -- it is our own page
  const run = new Function('require', 'exports', code) as (
    load: (id: string) => unknown,
    into: Exports,
  ) => void;
  run((id) => ({ ...PACKAGES, ...modules })[id], exports);
  return exports;
}
