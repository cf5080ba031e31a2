import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = join(import.meta.dirname, '../../../docs/testing.md');
const MARKED_BLOCK = /<!-- example: ([\w.-]+) -->\s*```\w+\n([^]*?\n)```/g;

/** The marked code blocks of docs/testing.md, as they stand on the page, by the name in the comment before each. */
export function readExamples() {
  return new Map(
    [...readFileSync(PAGE, 'utf8').matchAll(MARKED_BLOCK)].map(([, name, code]) => [name, code]),
  );
}
